/**
 * Loads hexes into the rules, so that one at whose journal they end (an event that is folded for ever, or that ends
 * the thread) costs the slot's rules their life once. From then on the hex is tried alone in spare rules before
 * anybody else's thread meets it again, and after five attempts it is given up. Attempts count per hex, in the memory
 * of the slot's owner, until the hex has been loaded.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { RecoveredHex } from "../journal/recovery.ts";
import { type RecoveryFault, type RulesHost, RulesHostGoneError } from "../rules/rules-host.ts";
import type { SlotPorts } from "../slot/slot-ports.ts";
import type { HexTable } from "./hex-table.ts";

const attemptsMax = 5;
/** Milliseconds before the second to fifth attempt, doubled each time: other slots load what they have lost. */
const pauseMs = 50;

export interface LoadContext {
  readonly slot: string;
  readonly table: Pick<HexTable, "loadAttempts">;
  readonly ports: Pick<SlotPorts, "logger" | "metrics" | "spareRules">;
  /** Sets a hex aside. */
  readonly quarantine: (hex: RecoveredHex, reason: string) => Promise<void>;
}

/**
 * Loads `hexes` into `host`; returns those that cannot be. Throws RulesHostGoneError when the host ended meanwhile:
 * what it had in memory is gone, and a hex at which it ended for the fifth time is quarantined. Throws what
 * `quarantine` throws.
 */
export async function loadHexes(
  host: RulesHost,
  hexes: readonly RecoveredHex[],
  context: LoadContext,
): Promise<readonly RecoveryFault[]> {
  const { slot, table } = context;
  const faults: RecoveryFault[] = [];
  const sound: RecoveredHex[] = [];
  for (const hex of hexes) {
    const reason = table.loadAttempts.has(hex.keyText)
      ? await tryAlone(host, hex, context)
      : undefined;
    if (reason === undefined) sound.push(hex);
    else faults.push({ keyText: hex.keyText, reason });
  }
  if (sound.length === 0) return faults;
  try {
    faults.push(...(await host.load(slot, sound)));
  } catch (error) {
    const culprit = culpritOf(error, sound);
    if (culprit !== undefined) {
      const attempts = charge(culprit, error, context);
      if (attempts >= attemptsMax) await context.quarantine(culprit, reasonOf(attempts, error));
    }
    throw error;
  }
  for (const { keyText } of sound) table.loadAttempts.delete(keyText);
  return faults;
}

/** Tries a hex that has cost rules their life in others, until it is loaded there; why it is given up, if it is. */
async function tryAlone(
  host: RulesHost,
  hex: RecoveredHex,
  context: LoadContext,
): Promise<string | undefined> {
  const { slot, table, ports } = context;
  const before = table.loadAttempts.get(hex.keyText) ?? 1;
  // One that was given up before is only looked at again.
  if (before < attemptsMax) await pause(pauseMs * 2 ** (before - 1));
  const spare = ports.spareRules();
  // Who has no others tries in the slot's own.
  if (spare === host) return undefined;
  try {
    for (;;) {
      try {
        await spare.load(slot, [hex]);
        return undefined;
      } catch (error) {
        if (culpritOf(error, [hex]) === undefined) throw error;
        const attempts = charge(hex, error, context);
        if (attempts >= attemptsMax) return reasonOf(attempts, error);
        await pause(pauseMs * 2 ** (attempts - 1));
      }
    }
  } finally {
    await spare.stop();
  }
}

function culpritOf(error: unknown, hexes: readonly RecoveredHex[]): RecoveredHex | undefined {
  const at = error instanceof RulesHostGoneError ? error.hexIndex : undefined;
  return at === undefined ? undefined : hexes[at];
}

/** Counts an attempt; returns how many the hex has had, five at most. */
function charge(hex: RecoveredHex, error: unknown, { slot, table, ports }: LoadContext): number {
  const attempt = Math.min((table.loadAttempts.get(hex.keyText) ?? 0) + 1, attemptsMax);
  table.loadAttempts.set(hex.keyText, attempt);
  ports.metrics.retries.inc({ cause: "load" });
  ports.logger.warn(
    { err: error, slot, key: hex.keyText, attempt },
    "the rules ended while a hex was loaded",
  );
  return attempt;
}

function reasonOf(attempts: number, error: unknown): string {
  return `the rules ended ${attempts} times while it was loaded: ${(error as Error).message}`;
}
