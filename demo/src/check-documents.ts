/** The stored state of every hex, held against the fold of its journal. */
import type { Check } from "./checks.ts";
import { runHexctl } from "./run-hexctl.ts";

const name =
  "every hex that was touched has a document at the version and hash of its journal's fold";

/**
 * Brings the world to rest (`hexctl drain`: workers save what they have) and folds all journals (`hexctl verify
 * --exact`). Services stay up; commands get no answer any more.
 */
export async function checkDocuments(dataDir: string): Promise<Check> {
  const drained = await runHexctl(dataDir, "drain");
  if (drained.exitCode !== 0) {
    return { name, passed: false, detail: `hexctl drain: ${drained.output}` };
  }
  const { exitCode, output } = await runHexctl(dataDir, "verify", "--exact");
  const lines = output.split("\n");
  const fault = lines.find((line) => line.startsWith("FAULT"));
  const figures = lines.slice(-3).join("; ");
  return {
    name,
    passed: exitCode === 0,
    detail: fault === undefined ? figures : `${fault}; ${figures}`,
  };
}
