import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Gate } from "../gate.ts";
import { isForTests, readSources, type SourceFile } from "../source-tree.ts";

/** A file that is longer needs a reason here. */
const linesMax = 600;

/** Longer files, and why each is one file all the same. */
const longFiles: Readonly<Record<string, string>> = {};

/** Rules about the tree that no other program checks. */
export const tidyGate: Gate = {
  name: "tidy",
  run: (root) => {
    const sources = readSources(root, [".ts", ".tsx", ".sql", ".proto"]);
    const lockfile = path.join(root, "pnpm-lock.yaml");
    return Promise.resolve({
      failures: [
        ...leftOutTests(sources),
        ...looksThatHideErrors(sources),
        ...overlongFiles(sources, longFiles),
        ...(existsSync(lockfile) ? hostsInLockfile(readFileSync(lockfile, "utf8")) : []),
      ],
    });
  },
};

/**
 * Tests that somebody switched off, or that switch off the others. `skipIf` and `runIf` are allowed: they name
 * their condition, and CI counts what they skip.
 */
export function leftOutTests(sources: readonly SourceFile[]): string[] {
  return sources
    .filter((file) => isForTests(file.path))
    .flatMap((file) =>
      file.text.split("\n").flatMap((line, index) => {
        const found = /(?<![\w.])(it|test|describe|suite)(\.\w+)*\.(only|skip|todo|fails)\b/.exec(
          line,
        );
        return found === null
          ? []
          : [`${file.path}:${index + 1}: ${found[0]}: every test runs, or is deleted`];
      }),
    );
}

/**
 * `existsSync` says "no" as well when it was not allowed to look, or had no descriptor left: who then makes the file
 * anew destroys what is there. `isThere` and `readIfThere` of libs/config throw instead.
 */
export function looksThatHideErrors(sources: readonly SourceFile[]): string[] {
  return sources
    .filter((file) => /^(hexctl|libs|router|worker|gateway|domains)\//.test(file.path))
    .filter((file) => !isForTests(file.path) && !file.path.startsWith("libs/testing/"))
    .flatMap((file) =>
      file.text
        .split("\n")
        .flatMap((line, index) =>
          /\bexistsSync\b/.test(line)
            ? [`${file.path}:${index + 1}: existsSync: use isThere or readIfThere (libs/config)`]
            : [],
        ),
    );
}

/** @param reasons by path; one that is not needed any more is a finding, too. */
export function overlongFiles(
  sources: readonly SourceFile[],
  reasons: Readonly<Record<string, string>>,
): string[] {
  const isLong = (file: SourceFile): boolean => file.text.split("\n").length - 1 > linesMax;
  return [
    ...sources
      .filter((file) => isLong(file) && reasons[file.path] === undefined)
      .map((file) => `${file.path}: more than ${linesMax} lines: split it, or give the reason`),
    ...Object.keys(reasons)
      .filter((name) => !sources.some((file) => file.path === name && isLong(file)))
      .map((name) => `${name}: not longer than ${linesMax} lines any more: drop its reason`),
  ];
}

/** A lockfile that names a host installs from there and nowhere else. */
export function hostsInLockfile(text: string): string[] {
  return text
    .split("\n")
    .flatMap((line, index) =>
      /https?:\/\/|tarball:|git\+|registry:/.test(line)
        ? [`pnpm-lock.yaml:${index + 1}: names a host: ${line.trim()}`]
        : [],
    );
}
