import type { z } from "zod";
import { valueAt, type Tree } from "./config-tree.ts";

export interface ConfigFault {
  /** Dotted name, e.g. `gateway.socketsMax`. */
  readonly option: string;
  readonly expectation: string;
  readonly value: unknown;
  /** The variable, flag or file that it came from; `default` when nobody set it. */
  readonly origin: string;
}

/** All that is wrong with a configuration, in one error. */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[];
  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map(
      ({ option, expectation, value, origin }) =>
        `  ${option}: expected ${expectation}, got ${shown(option, value)} (${origin})`,
    );
    super(`The configuration has ${faults.length} fault(s):\n${lines.join("\n")}`);
    this.name = "ConfigError";
    this.faults = faults;
  }
}

/** One finding of zod as faults; several when a section has several unknown options. */
export function describeIssue(
  issue: z.core.$ZodIssue,
  tree: Tree,
  origins: ReadonlyMap<string, string>,
): ConfigFault[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const option = [...path, key].join(".");
      return {
        option,
        expectation: "an option that exists",
        value: valueAt(tree, [...path, key]),
        origin: originOf(option, origins),
      };
    });
  }
  const option = path.join(".");
  return [
    {
      option,
      expectation: issue.message
        .replace(/^Invalid (input|option): expected /, "")
        .replace(/, received .*$/, ""),
      value: valueAt(tree, path),
      origin: originOf(option, origins),
    },
  ];
}

/** Where an option was set, or, for a section, any option in it. */
function originOf(option: string, origins: ReadonlyMap<string, string>): string {
  const below = [...origins].find(([name]) => name.startsWith(`${option}.`));
  return origins.get(option) ?? below?.[1] ?? "default";
}

const SECRET_NAME = /(password|secret|token|key)$/i;
const URL_PASSWORD = /(\/\/[^:/@\s]*:)[^@/\s]+@/g;

/** The value for a message: nothing that opens a door. */
function shown(option: string, value: unknown): string {
  if (value === undefined) {
    return "nothing";
  }
  if (SECRET_NAME.test(option)) {
    return "a secret that is not shown";
  }
  return (JSON.stringify(value) ?? `a ${typeof value}`).replaceAll(URL_PASSWORD, "$1***@");
}
