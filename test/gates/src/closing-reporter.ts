import { existsSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import type { Reporter, TestCase, TestModule, TestSuite } from "vitest/node";

/** Environment variable with a file for the totals; when it is set, whoever set it says the closing line. */
export const TOTALS_FILE_VARIABLE = "CLOSING_LINE_TOTALS";

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * A vitest reporter that sums all projects into the last line of the output,
 * `N passed, N failed, N skipped`: what CI reads.
 *
 * Failed also counts: a file that could not be collected, a suite whose hooks failed, every
 * test that therefore did not run, and each unhandled error. A run that ends before its tests
 * have been counted (a global set-up that throws) counts one failure. The line is printed
 * when the process exits, because tear-downs and vitest itself print until then; see
 * {@link TOTALS_FILE_VARIABLE} for who wants to say it later.
 */
export function closingReporter(): Reporter {
  let totals: Totals = { passed: 0, failed: 1, skipped: 0 };
  return {
    onInit() {
      process.once("exit", () => {
        const file = process.env[TOTALS_FILE_VARIABLE];
        if (file === undefined) writeSync(1, `${closingLine(totals)}\n`);
        else writeFileSync(file, JSON.stringify(totals));
      });
    },
    onTestRunEnd(testModules, unhandledErrors) {
      totals = addUp([
        ...testModules.map((module) => totalsOf(module)),
        { passed: 0, failed: unhandledErrors.length, skipped: 0 },
      ]);
      if (totals.failed > 0) {
        process.exitCode = 1;
      }
    },
  };
}

/** What a run of vitest wrote; undefined when it ended before it could. */
export function readTotals(file: string): Totals | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Totals) : undefined;
}

/** The line that CI looks for. */
export function closingLine({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function totalsOf(module: TestModule): Totals {
  const brokenSuites = [module, ...module.children.allSuites()].filter(
    (suite) => suite.errors().length > 0,
  ).length;
  return addUp([
    { passed: 0, failed: brokenSuites, skipped: 0 },
    ...[...module.children.allTests()].map((test) => totalsOfTest(test)),
  ]);
}

function totalsOfTest(test: TestCase): Totals {
  const { state } = test.result();
  const notRun = state === "pending" || (state === "skipped" && isUnderBrokenSuite(test));
  return {
    passed: state === "passed" ? 1 : 0,
    failed: state === "failed" || notRun ? 1 : 0,
    skipped: state === "skipped" && !notRun ? 1 : 0,
  };
}

/** Whether a hook above the test failed: then it is reported as skipped, but nobody meant it to be. */
function isUnderBrokenSuite(test: TestCase): boolean {
  if (test.options.mode === "skip" || test.options.mode === "todo") {
    return false;
  }
  for (let above: TestSuite | TestModule = test.parent; ; above = above.parent) {
    if (above.errors().length > 0) {
      return true;
    }
    if (above.type === "module") {
      return false;
    }
  }
}

function addUp(parts: readonly Totals[]): Totals {
  return {
    passed: parts.reduce((sum, part) => sum + part.passed, 0),
    failed: parts.reduce((sum, part) => sum + part.failed, 0),
    skipped: parts.reduce((sum, part) => sum + part.skipped, 0),
  };
}
