/** Waits until a world without players is at rest. */
import { setTimeout as pause } from "node:timers/promises";
import { AdminService } from "@hexhold/gen/hexhold/admin/v1/admin_pb";
import { openChannel } from "@hexhold/rpc";
import { ledgerDifferences, unsentMessages, type WorldStatus } from "@hexhold/testing";
import type { Check } from "./checks.ts";

/** Promised: so long after the last command nothing is on its way. */
const settledMsMax = 30_000;
const lookEveryMs = 250;

/**
 * Waits at most 30 s for empty outboxes and queues and for a ledger that says what the journal does. The broker
 * counts its messages every few seconds only, so empty queues alone do not say that all is credited. Where bots trade,
 * an account has more than what came from its hexes: `checkEconomyLedger` looks at that.
 */
export async function checkAtRest(status: WorldStatus, trades: boolean): Promise<Check[]> {
  const postgresUrl = status.services["postgres"]!.url;
  const startedMs = performance.now();
  const isLate = (): boolean => performance.now() - startedMs > settledMsMax;
  let waiting = await onItsWay(status);
  while (waiting !== "" && !isLate()) {
    await pause(lookEveryMs);
    waiting = await onItsWay(status);
  }
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  const ledgerChecks: Check[] = [];
  if (!trades) {
    let ledger = await lookAtLedger(postgresUrl);
    while (!ledger.passed && !isLate()) {
      await pause(lookEveryMs);
      ledger = await lookAtLedger(postgresUrl);
    }
    const name =
      "per account and item the ledger is the sum of what the journal says came and went";
    ledgerChecks.push({ name, ...ledger });
  }
  return [
    {
      name: "outboxes and queues were empty within 30 s of the last command",
      passed: waiting === "",
      detail: waiting === "" ? `after ${seconds} s` : `after ${seconds} s still ${waiting}`,
    },
    ...ledgerChecks,
    { name: "no message became a dead letter", ...(await lookAtDeadLetters(postgresUrl)) },
  ];
}

type Look = Pick<Check, "passed" | "detail">;

async function lookAtLedger(postgresUrl: string): Promise<Look> {
  try {
    const { items, differing } = await ledgerDifferences(postgresUrl);
    return {
      passed: differing.length === 0,
      detail: `${items} accounts and items${differenceText(differing)}`,
    };
  } catch (error) {
    return { passed: false, detail: (error as Error).message };
  }
}

async function lookAtDeadLetters(postgresUrl: string): Promise<Look> {
  try {
    const { deadLetters } = await unsentMessages(postgresUrl);
    return { passed: deadLetters === 0, detail: `${deadLetters}` };
  } catch (error) {
    return { passed: false, detail: (error as Error).message };
  }
}

function differenceText(differing: readonly string[]): string {
  return differing.length === 0 ? "" : `, ${differing.length} differ, first ${differing[0]}`;
}

/** In words; empty when nothing is. */
async function onItsWay(status: WorldStatus): Promise<string> {
  try {
    const { deadLetters: _, ...outboxes } = await unsentMessages(status.services["postgres"]!.url);
    const queues = await fullQueues(status);
    return [
      ...Object.entries(outboxes)
        .filter(([, rows]) => rows > 0)
        .map(([schema, rows]) => `${rows} rows in the outbox of ${schema}`),
      ...queues.map(({ name, messages }) => `${messages} messages in ${name}`),
    ].join(", ");
  } catch (error) {
    return `not known: ${(error as Error).message}`;
  }
}

async function fullQueues({ endpoints, adminToken }: WorldStatus) {
  const channel = openChannel(endpoints.admin, { token: adminToken, callTimeoutMs: 5000 });
  try {
    const { queues } = await channel.client(AdminService).listQueues({});
    return queues
      .map(({ name, messagesReady, messagesUnacked }) => ({
        name,
        messages: messagesReady + messagesUnacked,
      }))
      .filter(({ messages }) => messages > 0n);
  } finally {
    channel.close();
  }
}
