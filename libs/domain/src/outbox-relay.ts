/**
 * Sends the outbox of a service: with confirms, in order, in lanes: one for each service, and one for each slot that rows
 * for hexes go to now. A row goes when it is confirmed. Sending a row again is always safe: receivers know event_ids.
 * One process relays at a time, the one that holds the advisory lock; another takes over when its connection ends. Rows
 * are looked for after a hint from this process and every 200 ms: a row of another process, or of an earlier life, comes
 * without a hint.
 *
 * A lane is open, busy (a stretch of it is being sent) or resting (the last stretch was not confirmed). What is read
 * begins with the oldest row, always: positions of commits that run in parallel come in any order, and a cursor would pass
 * the late ones by.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Bus,
  decodeEnvelope,
  domainQueueOf,
  encodeBatch,
  type ProducerRoutes,
  uuidText,
} from "@hexhold/messaging";
import { dropConnection, int8Array, openConnection, type PgClient } from "@hexhold/postgres";
import { createBackoff } from "@hexhold/rpc";
import { isLoggedFailure, type Logger } from "@hexhold/telemetry";
import { hexLanesOf, slotOfSubject } from "./hexes/hex-lanes.ts";
import type { Statement } from "./transaction.ts";
import { hexDestination, noRoutes } from "./outbox.ts";
import { readHexRows, readOutbox, readRowsOfKeys, readWaitingKeys } from "./read-outbox.ts";

export interface OutboxRelayOptions {
  readonly schema: string;
  readonly postgresUrl: string;
  readonly applicationName: string;
  readonly bus: Pick<Bus, "publish">;
  /** Undefined: the service sends to no hex. */
  readonly routes: ProducerRoutes | undefined;
  readonly logger: Logger;
  readonly onSent: (destination: string, count: number) => void;
  /** A stretch was not confirmed, or there is no way for it. */
  readonly onHeldUp: (destination: string) => void;
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

interface Lane {
  /** As metrics have it. */
  readonly destination: string;
  isBusy: boolean;
  restsUntilMs: number;
  /** In a row. */
  failures: number;
}

/** Rows of a lane that are sent and confirmed together: at most one message for each queue. */
const stretchMax = 128;
/** Rows for hexes that are read at once: stretches of eight slots. */
const hexRowsMax = 1_024;
const waitingKeysMax = 50_000;
const pollMs = 200;
const heldUpMs = 2_000;
/** A stretch that takes longer is waited for no more by the lanes that began with it. */
const stragglerMs = 50;
/** Reading that takes longer, as very much waits, is followed by a pause of four times as long. */
const slowReadMs = 20;

export function startOutboxRelay(options: OutboxRelayOptions): OutboxRelay {
  const { schema, bus, routes, logger } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let wake = new AbortController();
  const hint = (): void => wake.abort();
  const unlisten = routes?.onChange(hint);

  async function run(): Promise<void> {
    const backoff = createBackoff(pollMs, 5_000);
    while (!signal.aborted) {
      let client: PgClient | undefined;
      try {
        client = await openConnection(
          { url: options.postgresUrl, applicationName: options.applicationName },
          hint,
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
    const lanes = new Map<string, Lane>();
    const sending = new Set<Promise<void>>();
    while (!signal.aborted) {
      wake = new AbortController();
      if (!isHeld) {
        const { rows } = await client.query<{ held: boolean }>(lock, [`${schema}.outbox`]);
        isHeld = rows[0]?.held === true;
      }
      const startedMs = performance.now();
      const begun = isHeld ? await beginStretches(client, lanes) : [];
      const readMs = performance.now() - startedMs;
      for (const stretch of begun) {
        sending.add(stretch);
        void stretch.finally(() => sending.delete(stretch));
      }
      if (begun.length === 0) {
        const woken = AbortSignal.any([signal, wake.signal]);
        await sleep(pollMs, undefined, { signal: woken }).catch(() => undefined);
      } else {
        await Promise.race([Promise.all(begun), sleep(stragglerMs, undefined, { ref: false })]);
      }
      if (readMs > slowReadMs) {
        await sleep(4 * readMs, undefined, { signal }).catch(() => undefined);
      }
    }
    await Promise.race([Promise.all(sending), sleep(stopMsMax, undefined, { ref: false })]);
  }

  /** Begins a stretch of each lane that is open and has rows. */
  async function beginStretches(
    client: PgClient,
    lanes: Map<string, Lane>,
  ): Promise<Promise<void>[]> {
    const nowMs = performance.now();
    for (const [name, { isBusy, restsUntilMs, failures }] of lanes) {
      if (!isBusy && restsUntilMs <= nowMs && failures === 0) lanes.delete(name);
    }
    const isClosed = (name: string): boolean => {
      const lane = lanes.get(name);
      return lane !== undefined && (lane.isBusy || lane.restsUntilMs > performance.now());
    };
    const closed = [...lanes.keys()].filter(isClosed);
    if (routes !== undefined) closed.push(hexDestination);
    const ofServices = await rowsOf(client, readOutbox(schema, stretchMax, closed));
    const begun = [...Map.groupBy(ofServices, ({ destination }) => destination)].map(
      ([destination, rows]) =>
        sendStretch(client, laneOf(lanes, destination, destination), destination, rows, () =>
          publishToService(destination, rows),
        ),
    );
    if (routes?.table === undefined) return begun;
    const rows = await readForHexes(client, isClosed);
    // From here to the publish nothing is awaited: the slot is that of the newest table.
    const { table } = routes;
    if (table === undefined) return begun;
    if (rows.some(({ subject }) => slotOfSubject(subject, table) === null)) {
      heldUp(laneOf(lanes, hexDestination, hexDestination), hexDestination, "a subject is no key");
    }
    for (const [slot, ofSlot] of hexLanesOf(rows, table, isClosed, stretchMax)) {
      begun.push(
        sendStretch(client, laneOf(lanes, slot, hexDestination), slot, ofSlot, () =>
          publishToSlot(routes, slot, ofSlot),
        ),
      );
    }
    return begun;
  }

  /** Rows for hexes, oldest first. Where those of closed lanes fill what is read, those of others are looked for behind them. */
  async function readForHexes(
    client: PgClient,
    isClosed: (slot: string) => boolean,
  ): Promise<Row[]> {
    const first = await rowsOf(client, readHexRows(schema, hexRowsMax));
    const table = routes?.table;
    if (first.length < hexRowsMax || table === undefined) return first;
    const lanes = hexLanesOf(first, table, isClosed, stretchMax);
    const usable = [...lanes.values()].reduce((sum, { length }) => sum + length, 0);
    if (usable > hexRowsMax / 4) return first;
    const { rows: waiting } = await query<{ subject: string }>(
      client,
      readWaitingKeys(schema, waitingKeysMax),
    );
    const others = waiting.flatMap(({ subject }) => {
      const slot = slotOfSubject(subject, table);
      return typeof slot !== "string" || lanes.has(slot) || isClosed(slot) ? [] : [subject];
    });
    if (others.length === 0) return first;
    const more = await rowsOf(client, readRowsOfKeys(schema, hexRowsMax, others));
    const known = new Set(first.map(({ position }) => position));
    return [...first, ...more.filter(({ position }) => !known.has(position))].toSorted((a, b) =>
      BigInt(a.position) < BigInt(b.position) ? -1 : 1,
    );
  }

  /** Sends `rows` and deletes them, or lets the lane rest. Never rejects. */
  async function sendStretch(
    client: PgClient,
    lane: Lane,
    name: string,
    rows: readonly Row[],
    publish: () => Promise<string | undefined>,
  ): Promise<void> {
    lane.isBusy = true;
    try {
      const failed = await publish();
      if (failed !== undefined) {
        heldUp(lane, name, failed);
        return;
      }
      await query(client, {
        name: `${schema}_clear_outbox`,
        text: `DELETE FROM ${schema}.outbox WHERE position = ANY ($1::bigint[])`,
        values: [int8Array(rows.map(({ position }) => BigInt(position)))],
      });
      lane.failures = 0;
      options.onSent(lane.destination, rows.length);
    } catch (error) {
      heldUp(lane, name, (error as Error).message);
    } finally {
      lane.isBusy = false;
      hint();
    }
  }

  function heldUp(lane: Lane, name: string, failed: string): void {
    if (lane.restsUntilMs > performance.now()) return;
    lane.restsUntilMs = performance.now() + heldUpMs;
    options.onHeldUp(lane.destination);
    if (isLoggedFailure(lane.failures++)) {
      const { destination } = lane;
      const isFault = name === hexDestination;
      const text = "an outbox lane is held up";
      if (isFault) logger.error({ destination, failed }, text);
      else logger.warn({ destination, lane: name, failed }, text);
    }
  }

  /** What was not confirmed, in words. */
  async function publishToService(
    destination: string,
    rows: readonly Row[],
  ): Promise<string | undefined> {
    if (destination === hexDestination) return noRoutes(schema);
    const queues = Map.groupBy(rows, ({ subject }) => domainQueueOf(destination, subject));
    const outcomes = await Promise.all(
      [...queues].map(([queue, ofQueue]) => publishBatch(queue, 0n, ofQueue)),
    );
    return outcomes.find((outcome) => outcome !== undefined);
  }

  async function publishToSlot(
    by: ProducerRoutes,
    slot: string,
    rows: readonly Row[],
  ): Promise<string | undefined> {
    const place = by.begin(slot);
    const failed = await publishBatch(place.queue, place.routeVersion, rows);
    place.end();
    return failed;
  }

  async function publishBatch(
    queue: string,
    routeVersion: bigint,
    rows: readonly Row[],
  ): Promise<string | undefined> {
    const outcome = await bus.publish(queue, {
      type: "batch.v1",
      body: encodeBatch({ routeVersion, envelopes: rows.map(({ envelope }) => envelope) }),
      messageId: uuidText(decodeEnvelope(rows[0]!.envelope).eventId),
    });
    return outcome === "confirmed" ? undefined : `${queue}: ${outcome}`;
  }

  const running = run();
  return {
    hint,
    async stop() {
      unlisten?.();
      stopping.abort();
      await Promise.race([running, sleep(stopMsMax, undefined, { ref: false })]);
    },
  };
}

const stopMsMax = 2_000;

function laneOf(lanes: Map<string, Lane>, name: string, destination: string): Lane {
  let lane = lanes.get(name);
  if (lane === undefined) {
    lane = { destination, isBusy: false, restsUntilMs: 0, failures: 0 };
    lanes.set(name, lane);
  }
  return lane;
}

async function query<Result extends object>(client: PgClient, statement: Statement) {
  const { name, text, values = [] } = statement;
  return client.query<Result>({
    ...(name === undefined ? {} : { name }),
    text,
    values: [...values],
  });
}

async function rowsOf(client: PgClient, statement: Statement): Promise<Row[]> {
  return (await query<Row>(client, statement)).rows;
}
