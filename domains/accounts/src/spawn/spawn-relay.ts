/**
 * Brings players into the world. What is owed is in the schema, so that a restart forgets nothing: a duty is sent
 * under one request id until its outcome is certain, and only then is its hex left for another.
 *
 * - `hex-full` is a stored result, and certain at once.
 * - `hex-quarantined` is stored nowhere: its message comes again when the worker that answered it dies before its ack, to
 *   a hex that may be mended by then. So the duty is held until no copy of the message can be executed any more.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Key, keyText, sameKey } from "@hexhold/hex";
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

/**
 * Sends `cmd.hex.spawn`: `unsure` = no outcome yet; `hex-quarantined` = not executed so far, nor at all once
 * {@link spawnDeadMs} have passed without another send.
 */
export type SendSpawn = (
  duty: Pick<SpawnDuty, "accountId" | "requestId" | "key">,
) => Promise<"spawned" | "hex-full" | "hex-quarantined" | "unsure">;

export interface SpawnRelayOptions {
  readonly database: Database;
  readonly send: SendSpawn;
  /** In the order in which they fill. */
  readonly hexes: readonly Key[];
  readonly worldNow: () => number;
  readonly onSpawned: () => void;
  readonly logger: Logger;
  /** Milliseconds after its last send in which a command may still be executed. Default {@link spawnDeadMs}. */
  readonly deadMs?: number;
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
/** When every hex was full, or quarantined. */
const allFullDelayMs = 60_000;
/** A command's deadline (10 s of world time, which may run a tenth slow), and a commit that is slow to end. */
export const spawnDeadMs = 20_000;
/** A quarantined hex is left out for so long: each newcomer that is sent to it waits for `deadMs`. */
const avoidMs = 600_000;

export function startSpawnRelay(options: SpawnRelayOptions): SpawnRelay {
  const { database, hexes, logger } = options;
  const waiting = new Map<string, Set<() => void>>();
  let stopped = false;
  let wake = new AbortController();
  let hinted = false;
  /** The first hex that is not known to be full. */
  let nextHex = 0;

  /** Key texts of hexes that are quarantined, with the time (`performance.now()`) until which they are left out. */
  const avoided = new Map<string, number>();
  const held = new Set<NodeJS.Timeout>();
  const deadMs = options.deadMs ?? spawnDeadMs;

  const placeOf = (key: Key): number => hexes.findIndex((hex) => sameKey(hex, key));
  const isAvoided = (key: Key): boolean => (avoided.get(keyText(key)) ?? 0) > performance.now();

  /** The first hex from the one at `from` on that is not quarantined, by the steps to it; 0 where all are. */
  const stepsToNext = (from: number): number => {
    for (let steps = 0; steps < hexes.length; steps++) {
      if (!isAvoided(hexes[(from + steps) % hexes.length]!)) return steps;
    }
    return 0;
  };

  /** For certain not born there: another hex, under another request id. Resolves with true when it may go at once. */
  async function move(duty: SpawnDuty, heldUntil?: string): Promise<boolean> {
    const at = placeOf(duty.key);
    const passed = 1 + stepsToNext(at + 1);
    const isRound =
      Math.floor((duty.hexesFull + passed) / hexes.length) >
        Math.floor(duty.hexesFull / hexes.length) || hexes.every(isAvoided);
    if (isRound) {
      logger.warn(
        { account: duty.accountId, quarantined: [...avoided.keys()] },
        "every hex of birth is full or quarantined, and players wait to be born: set world.spawn.cells to others, " +
          "or mend one (hexctl hex KEY says why it is quarantined)",
      );
    }
    await moveDuty(database, duty, {
      requestId: uuidText(uuidv7Bytes(Math.floor(options.worldNow()))),
      key: hexes[(at + passed) % hexes.length]!,
      passed,
      delayMs: isRound ? allFullDelayMs : 0,
      heldUntil,
    });
    return !isRound;
  }

  /** Moves a duty when no copy of its message can be executed any more, unless somebody else has it by then. */
  async function hold(duty: SpawnDuty): Promise<void> {
    const until = await postponeDuty(database, duty, deadMs + claimMs);
    const timer = setTimeout(() => {
      held.delete(timer);
      move(duty, until).then(hint, (error: unknown) =>
        logger.warn({ err: error, account: duty.accountId }, "a player waits to be born"),
      );
    }, deadMs);
    held.add(timer);
  }

  function hint(): void {
    hinted = true;
    wake.abort();
  }

  async function serve(duty: SpawnDuty): Promise<boolean> {
    const outcome = await options.send(duty);
    switch (outcome) {
      case "spawned":
        avoided.delete(keyText(duty.key));
        await settleDuty(database, duty);
        options.onSpawned();
        for (const resolve of waiting.get(duty.accountId) ?? []) resolve();
        waiting.delete(duty.accountId);
        return false;
      case "hex-full":
        nextHex = Math.max(nextHex, placeOf(duty.key) + 1) % hexes.length;
        return move(duty);
      case "hex-quarantined":
        avoided.set(keyText(duty.key), performance.now() + avoidMs);
        logger.warn(
          { account: duty.accountId, key: keyText(duty.key) },
          "a hex of birth is quarantined: players are born in the next one (hexctl hex KEY says why)",
        );
        await hold(duty);
        return false;
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
      return hexes[(nextHex + stepsToNext(nextHex)) % hexes.length]!;
    },
    hint,
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
      for (const timer of held) clearTimeout(timer);
    },
  };
}
