/**
 * The outbox of one slot, sent in the order of the slot's commits: one lane per destination. A destination
 * that is full or gone stops its own lane and nothing else. Only the slot's owner relays.
 *
 * Modes of a lane:
 * - `reading`: rows come from the table (after a take-over, or when too many waited in memory);
 * - `live`: rows come from this process's own commits, without being read again.
 * A lane turns live when a read finds nothing newer than the last commit; it turns to reading when its
 * memory is full. Sending a stretch again is always safe: receivers know event_ids.
 */
import { setTimeout as pause } from "node:timers/promises";
import {
  decodeEnvelope,
  domainQueueOf,
  keyOfWire,
  type RouteTable,
  routeOf,
  uuidText,
} from "@hexhold/messaging";
import { int8Array, type PgPool, textArray } from "@hexhold/postgres";
import { isLoggedFailure, type Logger } from "@hexhold/telemetry";
import type { OutboxRow } from "../journal/commit-batch.ts";
import { gatherMs, type OutboxSender } from "./outbox-sender.ts";

export interface RelayOptions {
  readonly slot: string;
  /** Of the database, as the slot's owner knows it. */
  readonly life: () => bigint;
  readonly sender: OutboxSender;
  readonly pool: PgPool;
  readonly routes: () => RouteTable | undefined;
  readonly logger: Logger;
  readonly onSent: (destination: string, count: number) => void;
}

export interface OutboxRelay {
  /** Rows of a commit with their positions, in order. */
  committed(rows: readonly OutboxRow[], positions: readonly bigint[]): void;
  /** Something may have been committed that nobody told: the table is read again. */
  reread(): void;
  /** The table may be of an earlier moment than what is known of it: every lane begins where the table says. */
  restart(): void;
  /** Rows known to wait, by destination. */
  waiting(): ReadonlyMap<string, number>;
  /** Finishes what is being sent, stores how far it came, and ends. */
  stop(): Promise<void>;
}

interface QueuedRow {
  readonly position: bigint;
  readonly subject: string | null;
  readonly envelope: Uint8Array;
}

interface Lane {
  readonly destination: string;
  mode: "reading" | "live";
  queue: QueuedRow[];
  /** Newest position committed here, 0 = none. */
  newest: bigint;
  /** Everything up to it is confirmed. */
  confirmed: bigint;
  /** Stored in the table. */
  stored: bigint;
  /** Raised when it begins anew: what was being sent then moves it no further. */
  restarts: number;
  /** How often it has been set back, as the table says; positions are stored under it. */
  resends: bigint;
  /** While it waits for rows. */
  wake: (() => void) | undefined;
  done: Promise<void>;
}

/** Lane of commands to hexes; all others are named after their service. */
const hexLane = "hex";
/** Rows of one stretch: published, confirmed, then the lane moves on. */
const stretchMax = 512;
/** Rows of a lane that wait in memory before it turns to reading. */
const memoryMax = 8192;
const storeEveryMs = 500;
const retryMs = { first: 50, max: 2000 };

export function startRelay(options: RelayOptions): OutboxRelay {
  const lanes = new Map<string, Lane>();
  const queueOfSubject = rememberQueues();
  let stopping = false;
  const storing = setInterval(() => void store().catch(() => undefined), storeEveryMs);
  let finding = findLanes();

  async function findLanes(): Promise<void> {
    for (let delay = retryMs.first; !stopping; delay = Math.min(delay * 2, retryMs.max)) {
      try {
        const { rows } = await options.pool.query<{ destination: string }>(
          // A lane that never moved has no row; a loose scan of the key finds it all the same.
          `WITH RECURSIVE d AS (
             (SELECT destination FROM world.outbox WHERE slot = $1 ORDER BY destination LIMIT 1)
             UNION ALL
             SELECT (SELECT o.destination FROM world.outbox AS o
                     WHERE o.slot = $1 AND o.destination > d.destination ORDER BY o.destination LIMIT 1)
             FROM d WHERE d.destination IS NOT NULL)
           SELECT destination FROM d WHERE destination IS NOT NULL`,
          [options.slot],
        );
        for (const row of rows) laneOf(row.destination);
        return;
      } catch (error) {
        options.logger.warn({ err: error, slot: options.slot }, "outbox lanes cannot be read yet");
        await pause(delay, undefined, { ref: false });
      }
    }
  }

  function laneOf(destination: string): Lane {
    let lane = lanes.get(destination);
    if (lane === undefined) {
      lane = {
        destination,
        mode: "reading",
        queue: [],
        newest: 0n,
        confirmed: 0n,
        stored: 0n,
        restarts: 0,
        resends: 0n,
        wake: undefined,
        done: Promise.resolve(),
      };
      lanes.set(destination, lane);
      lane.done = run(lane);
    }
    return lane;
  }

  async function run(lane: Lane): Promise<void> {
    let failures = 0;
    while (!stopping) {
      try {
        const { restarts } = lane;
        const rows = lane.mode === "live" ? lane.queue.slice(0, stretchMax) : await read(lane);
        if (rows.length === 0) {
          if (lane.mode === "live" && !stopping) {
            await new Promise<void>((resolve) => (lane.wake = resolve));
          }
          continue;
        }
        await send(lane.destination, rows);
        if (lane.restarts !== restarts) continue;
        lane.confirmed = rows.at(-1)!.position;
        // Those that were taken from it, if it is still the same queue.
        if (lane.mode === "live" && lane.queue[0] === rows[0]) lane.queue.splice(0, rows.length);
        options.onSent(lane.destination, rows.length);
        failures = 0;
      } catch (error) {
        if (isLoggedFailure(failures++)) {
          options.logger.warn(
            { err: error, slot: options.slot, destination: lane.destination, failures },
            "an outbox lane is held up",
          );
        }
        const delayMs = Math.min(retryMs.first * 2 ** Math.min(failures, 10), retryMs.max);
        await pause(delayMs, undefined, { ref: false });
      }
    }
  }

  /** The next rows from the table; turns the lane live when there are none and none was committed since. */
  async function read(lane: Lane): Promise<QueuedRow[]> {
    const known = await options.pool.query<{ resends: string }>({
      name: "read_lane",
      text: "SELECT resends FROM world.outbox_lane WHERE slot = $1 AND destination = $2",
      values: [options.slot, lane.destination],
    });
    lane.resends = BigInt(known.rows[0]?.resends ?? 0);
    const { rows } = await options.pool.query<{
      position: string;
      subject: string | null;
      envelope: Buffer;
    }>({
      name: "read_outbox",
      text: `SELECT o.position, o.subject, o.envelope FROM world.outbox AS o
        WHERE o.slot = $1 AND o.destination = $2 AND o.position > greatest($3::bigint, coalesce((
          SELECT l.position FROM world.outbox_lane AS l WHERE l.slot = $1 AND l.destination = $2), 0))
        ORDER BY o.position LIMIT ${stretchMax}`,
      values: [options.slot, lane.destination, lane.confirmed],
    });
    if (rows.length === 0 && lane.newest <= lane.confirmed) lane.mode = "live";
    return rows.map((row) => ({
      position: BigInt(row.position),
      subject: row.subject,
      envelope: row.envelope,
    }));
  }

  /** Sends rows in order, a parcel per queue; throws unless all of them are confirmed. */
  async function send(destination: string, rows: readonly QueuedRow[]): Promise<void> {
    const routes = options.routes();
    if (routes === undefined) throw new Error("there is no route table yet");
    const byQueue = Map.groupBy(rows, (row) =>
      destination === hexLane
        ? slotOf(row, routes)
        : queueOfSubject(destination, row.subject ?? ""),
    );
    const outcomes = await Promise.all(
      [...byQueue].map(async ([queue, queued]) => {
        const outcome = await options.sender.send({
          queue,
          routeVersion: routes.routeVersion,
          envelopes: queued.map((row) => row.envelope),
          origin: {
            life: options.life(),
            places: queued.map(({ position }) => ({ slot: options.slot, position })),
          },
          messageId: uuidText(decodeEnvelope(queued[0]!.envelope).eventId),
          gatherMs: destination === hexLane ? gatherMs.hexes : gatherMs.services,
        });
        return outcome === "confirmed" ? undefined : `${queue}: ${outcome}`;
      }),
    );
    const failed = outcomes.filter((outcome) => outcome !== undefined);
    if (failed.length > 0) throw new Error(`not confirmed: ${failed.join(", ")}`);
  }

  async function store(): Promise<void> {
    const moved = [...lanes.values()].filter((lane) => lane.confirmed > lane.stored);
    if (moved.length === 0) return;
    const reached = moved.map((lane) => lane.confirmed);
    await options.pool.query({
      name: "advance_lane",
      text: "SELECT world.advance_lane($1, $2, $3, $4)",
      values: [
        options.slot,
        textArray(moved.map((lane) => lane.destination)),
        int8Array(reached),
        int8Array(moved.map((lane) => lane.resends)),
      ],
    });
    for (const [i, lane] of moved.entries()) lane.stored = reached[i]!;
  }

  return {
    committed(rows, positions) {
      for (const [i, row] of rows.entries()) {
        const position = positions[i]!;
        const lane = laneOf(row.destination);
        lane.newest = position;
        if (lane.mode === "reading") continue;
        if (lane.queue.length >= memoryMax) turnToReading(lane);
        else lane.queue.push({ position, subject: row.subject, envelope: row.envelope });
        wakeUp(lane);
      }
    },
    reread() {
      for (const lane of lanes.values()) {
        turnToReading(lane);
        wakeUp(lane);
      }
      // A destination may have had its first row.
      finding = findLanes();
    },
    restart() {
      for (const lane of lanes.values()) {
        turnToReading(lane);
        lane.newest = 0n;
        lane.confirmed = 0n;
        lane.stored = 0n;
        lane.restarts++;
        wakeUp(lane);
      }
      finding = findLanes();
    },
    waiting: () =>
      new Map([...lanes.values()].map((lane) => [lane.destination, lane.queue.length])),
    async stop() {
      stopping = true;
      clearInterval(storing);
      for (const lane of lanes.values()) wakeUp(lane);
      await Promise.race([
        Promise.all([finding, ...[...lanes.values()].map((lane) => lane.done)]),
        pause(1000, undefined, { ref: false }),
      ]);
      await store().catch(() => undefined);
    },
  };
}

/** What waits in memory is in the table too. */
function turnToReading(lane: Lane): void {
  lane.mode = "reading";
  lane.queue = [];
}

function wakeUp(lane: Lane): void {
  lane.wake?.();
  lane.wake = undefined;
}

/** Slot of the hex that a row is for. */
function slotOf(row: QueuedRow, routes: RouteTable): string {
  const { key } = decodeEnvelope(row.envelope);
  if (key === undefined) throw new Error("an outbox row for a hex carries no key");
  return routeOf(keyOfWire(key), routes);
}

/** Subjects whose queue is remembered; an account sends more than one command. */
const subjectsMax = 10_000;

/** Queue of a service, numbered by subject where order counts. */
function rememberQueues(): (service: string, subject: string) => string {
  const known = new Map<string, string>();
  return (service, subject) => {
    const both = `${service} ${subject}`;
    let queue = known.get(both);
    if (queue === undefined) {
      if (known.size >= subjectsMax) known.clear();
      queue = domainQueueOf(service, subject);
      known.set(both, queue);
    }
    return queue;
  };
}
