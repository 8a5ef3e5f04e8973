import type { Gate } from "../gate.ts";
import { isForTests, readSources, type SourceFile } from "../source-tree.ts";
import { findUnheard } from "./find-unheard.ts";

/** Whatever emits `error` has a listener from its first instant: an unheard one ends the process. */
export const listenersGate: Gate = {
  name: "listeners",
  run: (root) =>
    Promise.resolve({ failures: unheardPlaces(readSources(root, [".ts", ".tsx", ".mjs"])) }),
};

/** @returns One line for each place, `path:line: what, and what to do`. Tests may end their own process. */
export function unheardPlaces(sources: readonly SourceFile[]): string[] {
  return sources
    .filter((file) => !isForTests(file.path))
    .flatMap((file) =>
      findUnheard(file.text, file.path.endsWith("x") ? "tsx" : "ts").map(
        ({ what, line }) =>
          `${file.path}:${line}: ${what} may emit "error", which nobody hears: ` +
          'call .on("error", …) at once, before any await',
      ),
    );
}
