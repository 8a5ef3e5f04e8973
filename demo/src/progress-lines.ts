/** What is shown while bots play. Pure. */
import type { Second, Totals } from "./tally.ts";

export interface Progress {
  readonly forMs: number;
  readonly bots: number;
  /** The second that has just ended. */
  readonly last: Second;
  readonly totals: Pick<Totals, "applied" | "refused" | "errors" | "transfers">;
  /** Faults so far, in words. */
  readonly faults: readonly string[];
}

/** A line for each thing, for a terminal that is drawn over each second. */
export function progressLines(progress: Progress): string[] {
  const { forMs, bots, last, totals, faults } = progress;
  return [
    `  time      ${last.second + 1} s of ${Math.round(forMs / 1000)} s`,
    `  commands  ${rateOf(last)}/s, p95 ${last.p95Ms.toFixed(1)} ms`,
    `  answers   applied ${totals.applied}, refused ${totals.refused}, errors ${totals.errors}`,
    `  players   ${last.online} of ${bots} online`,
    `  transfers ${totals.transfers.arrived} arrived, ${totals.transfers.returned} came back`,
    `  faults    ${faults.length === 0 ? "none" : faults.join(", ")}`,
  ];
}

/** Figures in one line, for a file or a pipe. */
export function progressLine({ bots, last, totals }: Progress): string {
  const { applied, refused, errors, transfers } = totals;
  return (
    `${String(last.second + 1).padStart(5)} s  ${rateOf(last)}/s  p95 ${last.p95Ms.toFixed(1)} ms  ` +
    `applied ${applied}  refused ${refused}  errors ${errors}  transfers ${transfers.arrived}  online ${last.online}/${bots}`
  );
}

function rateOf({ applied, refused, errors }: Second): number {
  return applied + refused + errors;
}
