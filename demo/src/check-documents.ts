/** The stored state of every hex, held against the fold of its journal. */
import type { Check } from "./checks.ts";
import { type HexctlEnd, runHexctl } from "./run-hexctl.ts";

/**
 * Brings the world to rest (`hexctl drain`: workers save what they have) and folds all journals (`hexctl
 * verify`). Services stay up; commands get no answer any more. After a fault a document may be behind: what a
 * worker had in memory when it died is in the journal alone until its hex is used again.
 */
export async function checkDocuments(dataDir: string, hadFaults: boolean): Promise<Check> {
  const name = hadFaults
    ? "no hex has a document that is not a state of its journal's fold"
    : "every hex that was touched has a document at the version and hash of its journal's fold";
  const drained = await runHexctl(dataDir, "drain");
  if (drained.exitCode !== 0) {
    return { name, passed: false, detail: `hexctl drain: ${saidBy(drained)}` };
  }
  const exact = hadFaults ? [] : ["--exact"];
  const verified = await runHexctl(dataDir, "verify", ...exact);
  const lines = saidBy(verified).split("\n");
  const fault = lines.find((line) => line.startsWith("FAULT"));
  const figures = lines.slice(-3).join("; ");
  return {
    name,
    passed: verified.exitCode === 0,
    detail: fault === undefined ? figures : `${fault}; ${figures}`,
  };
}

/** The economy held against itself, as `hexctl verify --economy` asks it. */
export async function checkEconomyLedger(dataDir: string): Promise<Check> {
  const verified = await runHexctl(dataDir, "verify", "--economy");
  const lines = saidBy(verified).split("\n");
  const fault = lines.find((line) => line.startsWith("FAULT"));
  return {
    name: "not a unit of value was made or lost, and nothing contradicts anything else (verify --economy)",
    passed: verified.exitCode === 0,
    detail: fault ?? lines.at(-1) ?? "",
  };
}

/** Its errors where it said nothing else; else they are progress. */
const saidBy = ({ output, errors }: HexctlEnd): string => (output === "" ? errors : output);
