import type { Gate, GateOutcome } from "../gate.ts";
import { runProgram } from "../run-program.ts";
import { compareContracts } from "./compare-contracts.ts";
import { checkFreezeHistory } from "./freeze-history.ts";
import { buildImage, frozenImage, parseImage, readFrozen } from "./image.ts";

/** `proto/` against what was frozen, and the frozen image against who may write it. */
export const contractsGate: Gate = { name: "contracts", run: checkContracts };

/**
 * Three comparisons with the frozen image of `root`: wire and JSON compatibility (buf), rules that became
 * tighter, messages that changed under an old version; and the history of the image itself. Before the first
 * freeze, breaking is free, and only whether the contracts compile is checked.
 */
export async function checkContracts(root: string): Promise<GateOutcome> {
  const frozen = readFrozen(root);
  const current = parseImage(await buildImage(root));
  if (frozen === undefined) {
    return { failures: [], notes: ["nothing is frozen yet: breaking is free"] };
  }
  const failures: string[] = [];
  const breaking = await runProgram(
    "buf",
    ["breaking", "--exclude-imports", "--against", frozenImage],
    { cwd: root },
  );
  if (!breaking.ok) failures.push(`buf breaking\n${breaking.output}`);
  failures.push(...compareContracts(parseImage(frozen), current));
  const history = await checkFreezeHistory(root);
  return { failures: [...failures, ...history.failures], notes: history.notes };
}
