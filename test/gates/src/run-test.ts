/**
 * `npm test`: vitest with all its projects; whatever stands behind `--` goes to vitest
 * (`npm test -- --project unit libs/hex`). The last line is `N passed, N failed, N skipped`.
 */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { closingLine } from "./closing-reporter.ts";

const vitest = join(
  dirname(createRequire(import.meta.url).resolve("vitest/package.json")),
  "vitest.mjs",
);

const child = spawn(process.execPath, [vitest, "run", ...process.argv.slice(2)], {
  stdio: "inherit",
});
// Ctrl-C reaches vitest by itself; a SIGTERM is for this process only.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("exit", (code, signal) => {
  if (signal !== null) {
    console.log(`vitest was ended by ${signal}`);
    console.log(closingLine({ passed: 0, failed: 1, skipped: 0 }));
  }
  process.exitCode = code ?? 1;
});
