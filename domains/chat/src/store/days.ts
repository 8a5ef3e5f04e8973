/** Days of messages: made before anything is said in them, dropped whole. */
import type { PgPool } from "@hexhold/postgres";
import type { Logger } from "@hexhold/telemetry";
import { type ChannelKind, channelKinds } from "../rules/channels.ts";
import { dayText } from "./message-rows.ts";

/** Made so far ahead: as long may nobody look after them. */
const aheadDays = 7;
const everyMs = 600_000;
/** Texts that moderators have taken away are kept for support for so long. */
const removedDays = 30;
const rowsMax = 10_000;

export interface Days {
  /** Resolves when the day of a moment is there. Rejects with what the store failed with. */
  ensure(atMs: number): Promise<void>;
  /** Makes the days to come, drops those that are over, deletes what goes with them. */
  keep(): Promise<void>;
  stop(): void;
}

export interface DaysOptions {
  /** Not the one of the transactions that wait for a day. */
  readonly pool: Pick<PgPool, "query">;
  readonly keepDays: Readonly<Record<ChannelKind, number>>;
  /** World time, Unix milliseconds. */
  readonly worldNow: () => number;
  readonly logger: Logger;
}

/** Looks every ten minutes; several instances may do it. */
export function startDays({ pool, keepDays, worldNow, logger }: DaysOptions): Days {
  const made = new Set<string>();
  let isStopped = false;
  async function make(atMs: number): Promise<void> {
    await pool.query("SELECT chat.make_days($1, $2)", [aheadDays, atMs]);
    made.clear();
    for (let n = -1; n <= aheadDays; n++) made.add(dayText(atMs + n * 86_400_000));
  }
  async function drop(kind: ChannelKind): Promise<void> {
    const { rows } = await pool.query<{ dropped: number }>(
      "SELECT chat.drop_days($1::smallint, $2, $3) AS dropped",
      [channelKinds[kind], keepDays[kind], worldNow()],
    );
    const dropped = rows[0]?.dropped ?? 0;
    if (dropped > 0) logger.info({ kind, dropped }, "days of messages were dropped");
  }
  async function prune(): Promise<void> {
    for (let gone = rowsMax; gone >= rowsMax && !isStopped;) {
      const { rows } = await pool.query<{ gone: string }>(
        "SELECT chat.prune_people($1, $2, $3, $4)::text AS gone",
        [removedDays, keepDays.whisper, rowsMax, worldNow()],
      );
      gone = Number(rows[0]?.gone ?? 0);
    }
  }
  let making: Promise<void> | undefined;
  const days: Days = {
    async ensure(atMs) {
      // One for all who wait.
      while (!made.has(dayText(atMs))) {
        making ??= make(atMs).finally(() => (making = undefined));
        await making;
      }
    },
    async keep() {
      await make(worldNow());
      // One at a time, each in a transaction of its own.
      for (const kind of Object.keys(channelKinds) as ChannelKind[]) await drop(kind);
      await prune();
    },
    stop() {
      isStopped = true;
      clearInterval(timer);
    },
  };
  const timer = setInterval(() => {
    days.keep().catch((error: unknown) => {
      if (!isStopped) logger.warn({ err: error }, "days of messages cannot be looked after");
    });
  }, everyMs);
  return days;
}
