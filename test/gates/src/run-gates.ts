import type { Gate, GateOutcome } from "./gate.ts";

/** What a run of several gates came to; a gate counts one, what it counted itself counts as it says. */
export interface GatesTotals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Two at a time: the programs behind most of them use every core by themselves. */
const gatesAtOnce = 2;

/**
 * Runs every gate, whatever the others come to, and prints one line for each with its time as it ends;
 * below it its notes, and all of its failures.
 */
export async function runGates(
  root: string,
  gates: readonly Gate[],
  print: (line: string) => void,
): Promise<GatesTotals> {
  const totals = { passed: 0, failed: 0, skipped: 0 };
  const waiting = [...gates];
  const work = async (): Promise<void> => {
    for (let gate = waiting.shift(); gate !== undefined; gate = waiting.shift()) {
      const startedMs = performance.now();
      const outcome = await outcomeOf(gate, root);
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
      for (const line of linesOf(gate, outcome, seconds)) print(line);
      const counts = outcome.counts ?? {
        passed: outcome.failures.length === 0 ? 1 : 0,
        failed: outcome.failures.length === 0 ? 0 : 1,
        skipped: 0,
      };
      totals.passed += counts.passed;
      totals.failed += counts.failed;
      totals.skipped += counts.skipped;
    }
  };
  await Promise.all(Array.from({ length: gatesAtOnce }, work));
  return totals;
}

async function outcomeOf(gate: Gate, root: string): Promise<GateOutcome> {
  try {
    return await gate.run(root);
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { failures: [`the gate itself broke: ${text}`] };
  }
}

function linesOf(gate: Gate, outcome: GateOutcome, seconds: string): string[] {
  const { failures, notes = [], counts } = outcome;
  const counted =
    counts === undefined
      ? ""
      : `  (${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped)`;
  return [
    `${failures.length === 0 ? "ok  " : "FAIL"}  ${gate.name.padEnd(14)} ${seconds.padStart(5)} s${counted}`,
    ...notes.map((note) => `      ${note}`),
    ...failures.flatMap((failure) => failure.split("\n").map((line) => `      ${line}`)),
  ];
}
