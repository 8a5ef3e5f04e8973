/**
 * Brings players into the world. What is owed is in the schema, so that a restart forgets nothing: a duty is sent
 * under one request id until its outcome is certain, and only a hex that said it is full is left for another.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Key, keyText } from "@hexhold/hex";
import { uuidText, uuidv7Bytes } from "@hexhold/messaging";
import type { Logger } from "@hexhold/telemetry";
import type { Database } from "../store/database.ts";
import {
  claimDuties,
  moveDuty,
  postponeDuty,
  settleDuty,
  type SpawnDuty,
} from "../store/spawn-rows.ts";

/** Sends `cmd.hex.spawn`: `unsure` = no outcome yet. */
export type SendSpawn = (
  duty: Pick<SpawnDuty, "accountId" | "requestId" | "key">,
) => Promise<"spawned" | "hex-full" | "unsure">;

export interface SpawnRelayOptions {
  readonly database: Database;
  readonly send: SendSpawn;
  /** In the order in which they fill. */
  readonly hexes: readonly Key[];
  readonly worldNow: () => number;
  readonly onSpawned: () => void;
  readonly logger: Logger;
}

export interface SpawnRelay {
  /** Where the next account is to be born. */
  readonly nextKey: Key;
  /** There is something new: look now instead of in a second. */
  hint(): void;
  /** Resolves with true when the account's player is in the world, with false after `waitMs`. */
  spawned(accountId: string, waitMs: number): Promise<boolean>;
  stop(): Promise<void>;
}

const pollMs = 1000;
const claimMax = 16;
/** Longer than a send waits for its answer. */
const claimMs = 15_000;
const unsureDelayMs = 500;
/** When every hex was full. */
const allFullDelayMs = 60_000;

export function startSpawnRelay(options: SpawnRelayOptions): SpawnRelay {
  const { database, hexes, logger } = options;
  const waiting = new Map<string, Set<() => void>>();
  let stopped = false;
  let wake = new AbortController();
  let hinted = false;
  /** The first hex that is not known to be full. */
  let nextHex = 0;

  const after = (key: Key): Key => {
    const at = hexes.findIndex((hex) => keyText(hex) === keyText(key));
    nextHex = Math.max(nextHex, at + 1) % hexes.length;
    return hexes[(at + 1) % hexes.length]!;
  };

  async function serve(duty: SpawnDuty): Promise<boolean> {
    const outcome = await options.send(duty);
    switch (outcome) {
      case "spawned":
        await settleDuty(database, duty);
        options.onSpawned();
        for (const resolve of waiting.get(duty.accountId) ?? []) resolve();
        waiting.delete(duty.accountId);
        return false;
      case "hex-full": {
        const isRound = (duty.hexesFull + 1) % hexes.length === 0;
        if (isRound)
          logger.warn(
            { account: duty.accountId },
            "every hex of birth is full: set world.spawn.cells",
          );
        const requestId = uuidText(uuidv7Bytes(Math.floor(options.worldNow())));
        const delayMs = isRound ? allFullDelayMs : 0;
        await moveDuty(database, duty, { requestId, key: after(duty.key), delayMs });
        return !isRound;
      }
      case "unsure":
        await postponeDuty(database, duty, unsureDelayMs);
        return false;
      default:
        return outcome satisfies never;
    }
  }

  async function run(): Promise<void> {
    while (!stopped) {
      wake = new AbortController();
      let isMore = false;
      try {
        hinted = false;
        const duties = await claimDuties(database, claimMax, claimMs);
        const moved = await Promise.all(duties.map(serve));
        isMore = duties.length === claimMax || moved.includes(true);
      } catch (error) {
        logger.warn({ err: error }, "players wait to be brought into the world");
      }
      if (!isMore && !hinted) {
        await sleep(pollMs, undefined, { signal: wake.signal }).catch(() => undefined);
      }
    }
  }

  const running = run();
  return {
    get nextKey() {
      return hexes[nextHex]!;
    },
    hint() {
      hinted = true;
      wake.abort();
    },
    spawned(accountId, waitMs) {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const listeners = waiting.get(accountId) ?? new Set();
      waiting.set(accountId, listeners);
      const done = (): void => resolve(true);
      listeners.add(done);
      const timer = setTimeout(() => {
        listeners.delete(done);
        if (listeners.size === 0) waiting.delete(accountId);
        resolve(false);
      }, waitMs);
      return promise.finally(() => clearTimeout(timer));
    },
    async stop() {
      stopped = true;
      wake.abort();
      await running;
    },
  };
}
