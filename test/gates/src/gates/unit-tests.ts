import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { readTotals, TOTALS_FILE_VARIABLE } from "../closing-reporter.ts";
import type { Gate } from "../gate.ts";
import { runProgram } from "../run-program.ts";

/** vitest's project `unit`: no test in it needs a service. */
export const unitTestsGate: Gate = {
  name: "unit tests",
  run: async (root) => {
    const folder = mkdtempSync(path.join(tmpdir(), "hexhold-unit-"));
    try {
      const file = path.join(folder, "totals.json");
      const { ok, output } = await runProgram("vitest", ["run", "--project", "unit"], {
        cwd: root,
        env: { [TOTALS_FILE_VARIABLE]: file },
      });
      const totals = readTotals(file);
      if (totals === undefined) {
        return { failures: [`vitest ended before its tests were counted\n${output}`] };
      }
      return { failures: ok && totals.failed === 0 ? [] : [output], counts: totals };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
