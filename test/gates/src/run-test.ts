/**
 * `npm test`: the gates, then vitest with all its projects. Whatever stands behind `--` goes to vitest, and
 * then only what was asked for runs, without the gates (`npm test -- --project unit libs/hex`). The last
 * line is `N passed, N failed, N skipped`, over gates and tests.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { allGates } from "./all-gates.ts";
import { closingLine, readTotals, TOTALS_FILE_VARIABLE } from "./closing-reporter.ts";
import { prepareProtos, repositoryRoot } from "./generate.ts";
import { runGates } from "./run-gates.ts";

/** Runs vitest with this process's streams. `code` is what to exit with. */
function runVitest(totalsFile: string, args: readonly string[]): Promise<{ code: number }> {
  const vitest = path.join(
    path.dirname(createRequire(import.meta.url).resolve("vitest/package.json")),
    "vitest.mjs",
  );
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [vitest, "run", ...args], {
      stdio: "inherit",
      env: { ...process.env, [TOTALS_FILE_VARIABLE]: totalsFile },
    });
    // Ctrl-C reaches vitest by itself; a SIGTERM is for this process only.
    process.on("SIGINT", () => undefined);
    process.on("SIGTERM", () => child.kill("SIGTERM"));
    child.on("exit", (code, signal) => {
      if (signal !== null) console.log(`vitest was ended by ${signal}`);
      resolve({ code: code ?? 1 });
    });
  });
}

const args = process.argv.slice(2);
const folder = mkdtempSync(path.join(tmpdir(), "hexhold-test-"));
const totalsFile = path.join(folder, "totals.json");
try {
  prepareProtos(repositoryRoot);
  const gates =
    args.length > 0
      ? { passed: 0, failed: 0, skipped: 0 }
      : await runGates(repositoryRoot, allGates, console.log);
  const { code } = await runVitest(totalsFile, args);
  const counted = readTotals(totalsFile) ?? { passed: 0, failed: 0, skipped: 0 };
  // A vitest that fails without a failed test broke down: its line must not look like a good one.
  const tests = code === 0 || counted.failed > 0 ? counted : { ...counted, failed: 1 };
  console.log(
    closingLine({
      passed: gates.passed + tests.passed,
      failed: gates.failed + tests.failed,
      skipped: gates.skipped + tests.skipped,
    }),
  );
  process.exitCode = code === 0 && gates.failed > 0 ? 1 : code;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
