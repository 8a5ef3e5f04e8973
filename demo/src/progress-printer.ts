/** Shows progress: in place on a terminal, now and then a line elsewhere. */
import { type Progress, progressLine, progressLines } from "./progress-lines.ts";

/** A log is not to be flooded. */
const linesEveryS = 5;

export interface ProgressPrinter {
  show(progress: Progress): void;
}

/**
 * Writes to `out`. On a terminal each call draws over what the one before drew; elsewhere it writes a line for
 * each new fault, and one with figures every 5 s.
 */
export function createProgressPrinter(
  out: Pick<NodeJS.WriteStream, "write" | "isTTY">,
): ProgressPrinter {
  let drawn = 0;
  let faultsTold = 0;
  return {
    show(progress) {
      if (!out.isTTY) {
        for (const fault of progress.faults.slice(faultsTold)) out.write(`         ${fault}\n`);
        faultsTold = progress.faults.length;
        if ((progress.last.second + 1) % linesEveryS === 0)
          out.write(`${progressLine(progress)}\n`);
        return;
      }
      const lines = progressLines(progress);
      const up = drawn === 0 ? "" : `\u001B[${drawn}A`;
      // Each line is cleared to its end: the one before may have been longer.
      out.write(`${up}${lines.map((line) => `${line}\u001B[K\n`).join("")}`);
      drawn = lines.length;
    },
  };
}
