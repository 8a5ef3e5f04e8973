/** Waits until a world without players is at rest. */
import { setTimeout as pause } from "node:timers/promises";
import { AdminService } from "@hexhold/gen/hexhold/admin/v1/admin_pb";
import { openChannel } from "@hexhold/rpc";
import { ledgerDifferences, unsentMessages, type WorldStatus } from "@hexhold/testing";
import type { Check } from "./checks.ts";

/** Promised: so long after the last command nothing is on its way. */
const settledMsMax = 30_000;
const lookEveryMs = 250;

/** Waits at most 30 s for empty outboxes and queues, and then holds the ledger against the journal. */
export async function checkAtRest(status: WorldStatus): Promise<Check[]> {
  const startedMs = performance.now();
  let waiting = await onItsWay(status);
  while (waiting !== "" && performance.now() - startedMs < settledMsMax) {
    await pause(lookEveryMs);
    waiting = await onItsWay(status);
  }
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  const postgresUrl = status.services["postgres"]!.url;
  const { gathered, differing } = await ledgerDifferences(postgresUrl);
  const { deadLetters } = await unsentMessages(postgresUrl);
  return [
    {
      name: "outboxes and queues were empty within 30 s of the last command",
      passed: waiting === "",
      detail: waiting === "" ? `after ${seconds} s` : `after ${seconds} s still ${waiting}`,
    },
    {
      name: "per account and item the ledger is the sum of what the journal says was gathered",
      passed: differing.length === 0 && gathered > 0,
      detail:
        differing.length === 0
          ? `${gathered} accounts and items`
          : `${differing.length} differ, first ${differing[0]}`,
    },
    {
      name: "no message became a dead letter",
      passed: deadLetters === 0,
      detail: `${deadLetters}`,
    },
  ];
}

/** In words; empty when nothing is. */
async function onItsWay(status: WorldStatus): Promise<string> {
  try {
    const unsent = await unsentMessages(status.services["postgres"]!.url);
    const queues = await fullQueues(status);
    return [
      ...(unsent.world > 0 ? [`${unsent.world} rows in the world's outbox`] : []),
      ...(unsent.inventory > 0 ? [`${unsent.inventory} rows in the inventory's outbox`] : []),
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
