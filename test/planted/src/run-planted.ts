/**
 * `npm run planted`: plants one error after the other in a copy of the checkout, and runs the test that is named for it. A
 * test that stays green has not found its error. The last line is `N passed, N failed`.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { economyFaults, type PlantedFault } from "./economy.ts";
import { electionFaults } from "./elections.ts";

const checkout = path.resolve(import.meta.dirname, "../../..");
const only = process.argv[2] ?? "";
const copy = mkdtempSync(path.join(tmpdir(), "hexhold-planted-"));
let passed = 0;
let failed = 0;
try {
  copyCheckout();
  for (const fault of [...economyFaults, ...electionFaults].filter(({ name }) =>
    name.includes(only),
  )) {
    const startedMs = performance.now();
    const found = isFound(fault);
    if (found) passed++;
    else failed++;
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
    const { file, name } = fault.test;
    console.log(`${found ? "ok  " : "FAIL"} ${fault.name}: ${file}: ${name} (${seconds} s)`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);

/** Its own packages are copied with their links, so that they find each other in the copy; what comes from outside is shared. */
function copyCheckout(): void {
  const store = path.join(checkout, "node_modules");
  cpSync(checkout, copy, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (from) => from !== store && !/\/(\.git|\.data|\.build\/results)$/.test(from),
  });
  const packages = path.join(copy, "node_modules");
  cpSync(store, packages, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (from) => from !== path.join(store, ".pnpm"),
  });
  symlinkSync(path.join(store, ".pnpm"), path.join(packages, ".pnpm"));
}

/** Whether the test is red with the fault, and only then. */
function isFound({ file, from, to, test }: PlantedFault): boolean {
  const place = path.join(copy, file);
  const sound = readFileSync(place, "utf8");
  if (sound.split(from).length !== 2) {
    console.log(`${file} does not have once what is to be replaced: ${from}`);
    return false;
  }
  writeFileSync(
    place,
    sound.replace(from, () => to),
  );
  try {
    const vitest = path.join(copy, "node_modules/.bin/vitest");
    const args = ["run", "--project", test.project, test.file, "-t", test.name];
    const run = spawnSync(vitest, args, { cwd: copy, encoding: "utf8", timeout: 300_000 });
    // Red, and because of a test: one that did not start has found nothing.
    return run.status !== 0 && /Tests .*\b\d+ failed/.test(stripVTControlCharacters(run.stdout));
  } finally {
    writeFileSync(place, sound);
  }
}
