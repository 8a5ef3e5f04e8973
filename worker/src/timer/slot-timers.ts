/**
 * The timers of one slot: what the hexes' states hold armed, read from `world.timer` and followed through the
 * slot's own commits. A due one goes to its hex as an ordinary message over the slot's queue, and again, ever more
 * rarely, until a commit has removed or re-armed it. What fires too often or too late changes nothing: a timer
 * counts only if the state holds exactly it.
 */
import type { Key } from "@hexhold/hex";
import type { PgPool } from "@hexhold/postgres";
import { createBackoff } from "@hexhold/rpc";
import { isLoggedFailure, type Logger } from "@hexhold/telemetry";
import type { TimerRow } from "../journal/commit-batch.ts";
import { TimerQueue, type WaitingTimer } from "./timer-queue.ts";

/** A timer that is due. */
export interface DueTimer {
  readonly key: Key;
  readonly timer: string;
  readonly dueMs: number;
  readonly armedVersion: number;
}

export interface SlotTimersOptions {
  readonly slot: string;
  readonly pool: Pick<PgPool, "query">;
  readonly worldNow: () => number;
  /** Sends a timer to its hex. False: it could not be published, and is tried again. */
  readonly fire: (timer: DueTimer) => Promise<boolean>;
  readonly logger: Pick<Logger, "warn">;
  /** Before the table is read first (default 0): a slot that was just taken has better things to do. */
  readonly readAfterMs?: number;
}

export interface SlotTimers {
  /** Rows of a commit of this slot. */
  committed(rows: readonly TimerRow[]): void;
  /** Something may have been committed that nobody told: everything is read again. */
  reread(): void;
  /** In memory. */
  readonly size: number;
  stop(): void;
}

/** Timers that are read at a time; later ones are read when their time comes nearer. */
const readMax = 1000;
const tickMs = 50;
/** Between two firings of a timer that stays. */
const refireMs = { first: 5000, max: 600_000 };
const readRetryMs = { first: 500, max: 2000 };
/** After a timer could not be published. */
const publishRetryMs = 500;

export function startSlotTimers(options: SlotTimersOptions): SlotTimers {
  const { slot, pool, worldNow, logger } = options;
  let waiting = new TimerQueue();
  /** Of timers due later than this not all are in memory; -Infinity = nothing is known yet. */
  let horizonMs = Number.NEGATIVE_INFINITY;
  /** Before this nothing is read: at first, since a slot that was just taken has better things to do. */
  const readFromMs = worldNow() + (options.readAfterMs ?? 0);
  /** What was committed while the table is being read. */
  let meanwhile: TimerRow[] | undefined;
  /** It is to be read once more: what is being read may be older than what was asked for. */
  let again = false;
  /** Timers in memory, above which the latest are dropped: what commits arm comes on top of what was read. */
  let trimAbove = 2 * readMax;
  const stopping = new AbortController();
  const ticking = setInterval(tick, tickMs);
  ticking.unref();

  function tick(): void {
    const nowMs = worldNow();
    for (const timer of waiting.due(nowMs)) fire(timer, nowMs);
    if (nowMs >= horizonMs && nowMs >= readFromMs && meanwhile === undefined) void read();
  }

  function fire(timer: WaitingTimer, nowMs: number): void {
    timer.nextMs = nowMs + Math.min(refireMs.first * 2 ** timer.fired++, refireMs.max);
    waiting.set(timer);
    const { key, timer: name, dueMs, armedVersion } = timer;
    void options.fire({ key, timer: name, dueMs, armedVersion }).then((published) => {
      if (published) return;
      timer.fired = Math.max(timer.fired - 1, 0);
      timer.nextMs = worldNow() + publishRetryMs;
      if (waiting.find(timer) === timer) waiting.set(timer);
    });
  }

  async function read(): Promise<void> {
    if (meanwhile !== undefined) {
      again = true;
      return;
    }
    const backoff = createBackoff(readRetryMs.first, readRetryMs.max);
    for (let failures = 0; !stopping.signal.aborted;) {
      again = false;
      meanwhile = [];
      try {
        const before = waiting;
        // Those that were fired and have stayed must not hide the others.
        const stayed = [...before].filter(({ fired }) => fired > 0).length;
        const found = await readTimers(pool, slot, readMax + stayed);
        waiting = new TimerQueue();
        horizonMs = found.length < readMax + stayed ? Infinity : found.at(-1)!.dueMs;
        for (const timer of found) add(timer, before.find(timer));
        trimAbove = waiting.size + readMax;
        const missed = meanwhile;
        meanwhile = undefined;
        apply(missed);
        if (again) continue;
        return;
      } catch (error) {
        if (isLoggedFailure(failures++)) {
          logger.warn({ err: error, slot }, "the timers of a slot cannot be read yet");
        }
        await backoff.wait(stopping.signal);
      }
    }
  }

  function add(timer: DueTimer, before?: WaitingTimer): void {
    const same = before?.dueMs === timer.dueMs && before.armedVersion === timer.armedVersion;
    waiting.set(same ? before : { ...timer, nextMs: timer.dueMs, fired: 0 });
  }

  function apply(rows: readonly TimerRow[]): void {
    for (const { hexId, layerId, timer, armed } of rows) {
      const key = { hexId, layerId };
      waiting.delete({ key, timer });
      if (armed !== undefined && armed.dueMs <= horizonMs) add({ key, timer, ...armed });
    }
    if (waiting.size <= trimAbove) return;
    horizonMs = Math.min(horizonMs, waiting.keepFirst(readMax));
    trimAbove = waiting.size + readMax;
  }

  return {
    committed(rows) {
      if (rows.length === 0) return;
      meanwhile?.push(...rows);
      apply(rows);
    },
    reread: () => void read(),
    get size() {
      return waiting.size;
    },
    stop() {
      stopping.abort();
      clearInterval(ticking);
    },
  };
}

/** The timers of a slot that are due first. */
async function readTimers(
  pool: Pick<PgPool, "query">,
  slot: string,
  limit: number,
): Promise<DueTimer[]> {
  const { rows } = await pool.query<{
    hex_id: string;
    layer_id: string;
    timer: string;
    due_ms: string;
    armed_version: string;
  }>({
    name: "read_timers",
    text: `SELECT hex_id, layer_id, timer, (extract(epoch FROM due_at) * 1000)::bigint AS due_ms, armed_version
      FROM world.timer WHERE slot = $1 ORDER BY due_at LIMIT $2`,
    values: [slot, limit],
  });
  return rows.map((row) => ({
    key: { hexId: BigInt(row.hex_id), layerId: Number(row.layer_id) },
    timer: row.timer,
    dueMs: Number(row.due_ms),
    armedVersion: Number(row.armed_version),
  }));
}
