/**
 * Sends the outbox of a service: with confirms, in order, one lane per destination; a row goes when it is
 * confirmed. Sending a row again is always safe: receivers know event_ids. One process relays at a time, the one
 * that holds the advisory lock; another takes over when its connection ends. Rows are looked for after a hint from
 * this process and every 200 ms: a row of another process, or of an earlier life, comes without a hint.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Bus, decodeEnvelope, domainQueueOf, encodeBatch, uuidText } from "@hexhold/messaging";
import { dropConnection, int8Array, openConnection, type PgClient } from "@hexhold/postgres";
import { createBackoff } from "@hexhold/rpc";
import type { Logger } from "@hexhold/telemetry";
import { readOutbox } from "./read-outbox.ts";

export interface OutboxRelayOptions {
  readonly schema: string;
  readonly postgresUrl: string;
  readonly applicationName: string;
  readonly bus: Pick<Bus, "publish">;
  readonly logger: Logger;
  readonly onSent: (destination: string, count: number) => void;
}

export interface OutboxRelay {
  /** There may be something to send. */
  hint(): void;
  stop(): Promise<void>;
}

interface Row {
  readonly position: string;
  readonly destination: string;
  readonly subject: string;
  readonly envelope: Buffer;
}

/** Rows of a lane that are sent and confirmed together: at most one message for each queue. */
const stretchMax = 128;
const pollMs = 200;
const heldUpMs = 2_000;

export function startOutboxRelay(options: OutboxRelayOptions): OutboxRelay {
  const { schema, bus, logger } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let wake = new AbortController();

  async function run(): Promise<void> {
    const backoff = createBackoff(pollMs, 5_000);
    while (!signal.aborted) {
      let client: PgClient | undefined;
      try {
        client = await openConnection(
          { url: options.postgresUrl, applicationName: options.applicationName },
          () => wake.abort(),
        );
        backoff.reset();
        await relay(client);
        await client.end();
      } catch (error) {
        if (client !== undefined) dropConnection(client);
        logger.debug({ err: error }, "the outbox cannot be read now");
      }
      await backoff.wait(signal);
    }
  }

  async function relay(client: PgClient): Promise<void> {
    // Of this schema alone; both numbers are ours.
    const lock = "SELECT pg_try_advisory_lock(hashtext($1), 1) AS held";
    let isHeld = false;
    const restsUntilMs = new Map<string, number>();
    while (!signal.aborted) {
      if (!isHeld) {
        const { rows } = await client.query<{ held: boolean }>(lock, [`${schema}.outbox`]);
        isHeld = rows[0]?.held === true;
      }
      const sent = isHeld ? await sendAll(client, restsUntilMs) : 0;
      if (sent === 0) {
        wake = new AbortController();
        await sleep(pollMs, undefined, { signal: AbortSignal.any([signal, wake.signal]) }).catch(
          () => undefined,
        );
      }
    }
  }

  /** A stretch of every lane that is not resting; how many rows went. */
  async function sendAll(client: PgClient, restsUntilMs: Map<string, number>): Promise<number> {
    const nowMs = performance.now();
    const resting = [...restsUntilMs].filter(([, ms]) => ms > nowMs).map(([name]) => name);
    const { values, ...statement } = readOutbox(schema, stretchMax, resting);
    const { rows } = await client.query<Row>({ ...statement, values: [...(values ?? [])] });
    const lanes = Map.groupBy(rows, ({ destination }) => destination);
    const counts = await Promise.all(
      [...lanes].map(async ([destination, lane]) => {
        const failed = await sendLane(destination, lane);
        if (failed !== undefined) {
          restsUntilMs.set(destination, performance.now() + heldUpMs);
          logger.warn({ destination, failed }, "an outbox lane is held up");
          return 0;
        }
        await client.query({
          name: `${schema}_clear_outbox`,
          text: `DELETE FROM ${schema}.outbox WHERE position = ANY ($1::bigint[])`,
          values: [int8Array(lane.map(({ position }) => BigInt(position)))],
        });
        options.onSent(destination, lane.length);
        return lane.length;
      }),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** What was not confirmed, in words. */
  async function sendLane(destination: string, lane: readonly Row[]): Promise<string | undefined> {
    const queues = Map.groupBy(lane, ({ subject }) => domainQueueOf(destination, subject));
    const outcomes = await Promise.all(
      [...queues].map(async ([queue, rows]) => {
        const outcome = await bus.publish(queue, {
          type: "batch.v1",
          body: encodeBatch({ routeVersion: 0n, envelopes: rows.map((row) => row.envelope) }),
          messageId: uuidText(decodeEnvelope(rows[0]!.envelope).eventId),
        });
        return outcome === "confirmed" ? undefined : `${queue}: ${outcome}`;
      }),
    );
    return outcomes.find((outcome) => outcome !== undefined);
  }

  const running = run();
  return {
    hint: () => wake.abort(),
    async stop() {
      stopping.abort();
      await Promise.race([running, sleep(2_000, undefined, { ref: false })]);
    },
  };
}
