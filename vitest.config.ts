import { defineConfig } from "vitest/config";
import { closingReporter } from "./test/gates/src/closing-reporter.ts";

const NEVER = ["**/node_modules/**", "**/dist/**", ".data/**", ".build/**"];
/** A pure test that takes longer hangs: some seconds are what a page's build or a timer takes on cores that others use. */
const UNIT_TIMEOUT_MS = 30_000;
/** Every pull of the network, the disk and two cores included. */
const INTEGRATION_TIMEOUT_MS = 60_000;
const SYSTEM_TIMEOUT_MS = 300_000;

/**
 * How long `expect.poll` waits for what must come: many times what it takes, as cores are shared. A deadline that is a promise is
 * asserted by itself.
 */
const POLL = { poll: { timeout: 10_000 } };

/** Failing starts, of which nothing is measured but bounds of many times what they take: tested with `system`. */
const STARTS = "test/chaos/src/starts/*.chaos.test.ts";
/** What is checked is what is true in the end, and bounds of many times what it takes. */
const OUTCOMES = "test/chaos/src/outcomes/*.chaos.test.ts";

/**
 * `unit`: pure, no services, three files at a time. `integration`: on one private stack per run, three files at a time. `system`: the whole
 * product, started and used by the tests themselves. `outcomes`: the product broken on purpose. Of both together two
 * files run at a time. `chaos`: as `outcomes`, one file at a time and after the others, because deadlines are measured.
 */
export default defineConfig({
  test: {
    reporters: ["default", closingReporter()],
    passWithNoTests: true,
    projects: [
      {
        test: {
          name: "unit",
          // Pure tests leave nothing behind; loading every module anew for each file takes longer than they do.
          isolate: false,
          // Many wait for a timer: on two cores vitest's own default is one file at a time.
          maxWorkers: 3,
          include: ["**/*.test.ts", "**/*.test.tsx"],
          exclude: [...NEVER, "**/*.int.test.ts", "**/*.e2e.test.ts", "**/*.chaos.test.ts"],
          testTimeout: UNIT_TIMEOUT_MS,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "integration",
          expect: POLL,
          include: ["**/*.int.test.ts"],
          exclude: NEVER,
          globalSetup: ["test/gates/src/private-stack.ts"],
          maxWorkers: 3,
          testTimeout: INTEGRATION_TIMEOUT_MS,
          hookTimeout: INTEGRATION_TIMEOUT_MS,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "system",
          expect: POLL,
          include: ["test/e2e/**/*.e2e.test.ts", "examples/*/test/*.e2e.test.ts", STARTS],
          exclude: NEVER,
          maxWorkers: 2,
          testTimeout: SYSTEM_TIMEOUT_MS,
          hookTimeout: SYSTEM_TIMEOUT_MS,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "outcomes",
          expect: POLL,
          include: [OUTCOMES],
          exclude: NEVER,
          maxWorkers: 2,
          testTimeout: SYSTEM_TIMEOUT_MS,
          hookTimeout: SYSTEM_TIMEOUT_MS,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "chaos",
          expect: POLL,
          include: ["test/chaos/**/*.chaos.test.ts"],
          exclude: [...NEVER, STARTS, OUTCOMES],
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: SYSTEM_TIMEOUT_MS,
          hookTimeout: SYSTEM_TIMEOUT_MS,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
