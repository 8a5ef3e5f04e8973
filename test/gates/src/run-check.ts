/**
 * `npm run check`: every gate that needs no service, unit tests included, in at most 30 s on two cores. One
 * line for each, and what is wrong below it; the last line is `N passed, N failed`.
 */
import { allGates } from "./all-gates.ts";
import { prepareProtos, repositoryRoot } from "./generate.ts";
import { unitTestsGate } from "./gates/unit-tests.ts";
import { runGates } from "./run-gates.ts";

prepareProtos(repositoryRoot);
const startedMs = performance.now();
// The longest first.
const { passed, failed } = await runGates(
  repositoryRoot,
  [unitTestsGate, ...allGates],
  console.log,
);
console.log(`${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
