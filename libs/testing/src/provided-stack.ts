import { inject } from "vitest";

/** Everything that a test creates on a server begins with this; nothing else is ever dropped. */
export const TEST_NAME_PREFIX = "hexhold_test_";

/** What the global set-up of the integration tests hands to each test file. */
export interface ProvidedStack {
  /** Begins with `hexhold_test_`, differs for each run: names built on it are the run's own. */
  readonly runPrefix: string;
  /** A role that may create databases and roles. */
  readonly postgres: { readonly url: string };
  readonly rabbitmq: { readonly url: string; readonly managementUrl: string };
  /** Only in a private Redis do tests get logical databases of their own. */
  readonly redis: { readonly url: string; readonly isPrivate: boolean };
  readonly mongodb: { readonly url: string } | { readonly missing: string };
}

declare module "vitest" {
  interface ProvidedContext {
    stack: ProvidedStack;
  }
}

/** The services of this run. Fails outside the `integration` project: name the file `*.int.test.ts`. */
export function providedStack(): ProvidedStack {
  const stack: ProvidedStack | undefined = inject("stack");
  if (stack === undefined) {
    throw new Error("No services here: a test that needs them is named *.int.test.ts.");
  }
  return stack;
}

let counter = 0;

/** A name of this run that no other test has: `hexhold_test_<run>_<process>_<n>`. */
export function freshName(): string {
  counter += 1;
  return `${providedStack().runPrefix}_${process.pid.toString(36)}_${counter}`;
}
