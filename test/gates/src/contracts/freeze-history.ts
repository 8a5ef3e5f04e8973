import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { runProgram } from "../run-program.ts";
import { frozenImage } from "./image.ts";

/** Subject of the only commits that may change the frozen image. They bump the version in package.json, too. */
export const freezeSubject = "chore(release): freeze contracts";

interface FreezeHistory {
  readonly failures: readonly string[];
  readonly notes: readonly string[];
}

interface ImageCommit {
  readonly hash: string;
  readonly subject: string;
  readonly files: readonly string[];
}

/** Whether every commit that changed the image is a release. Where git or its history is missing, a note says so. */
export async function checkFreezeHistory(root: string): Promise<FreezeHistory> {
  const skipped = (why: string): FreezeHistory => ({
    failures: [],
    notes: [`who changed the frozen image is not checked: ${why}`],
  });
  if (!existsSync(path.join(root, ".git"))) return skipped("no git history here");
  const log = await runProgram(
    "git",
    ["log", "--full-diff", "--name-only", "--format=%x00%H%x09%s", "--", frozenImage],
    { cwd: root },
  );
  if (!log.ok) return skipped(log.output);
  const shallow = await shallowCommits(root);
  const commits = parseLog(log.output);
  const status = await runProgram("git", ["status", "--porcelain", "--", frozenImage], {
    cwd: root,
  });
  return {
    // In a shallow clone the oldest commit seems to have added every file.
    failures: faultyFreezes(commits.filter(({ hash }) => !shallow.has(hash))),
    notes: [
      ...(status.output === ""
        ? []
        : [`the frozen image is not committed as it is: commit it as "${freezeSubject}"`]),
      ...(commits.some(({ hash }) => shallow.has(hash))
        ? ["the clone is shallow: older changes of the frozen image are not checked"]
        : []),
    ],
  };
}

/** @param commits Those that changed the image. */
export function faultyFreezes(commits: readonly ImageCommit[]): string[] {
  return commits.flatMap(({ hash, subject, files }) => {
    const commit = `${hash.slice(0, 10)} "${subject}"`;
    if (subject !== freezeSubject) {
      return [`${frozenImage} was changed by ${commit}: only "${freezeSubject}" may`];
    }
    return files.includes("package.json")
      ? []
      : [`${commit} froze the contracts without a new version in package.json`];
  });
}

/** What `git log --name-only --format=%x00%H%x09%s` prints. */
export function parseLog(output: string): ImageCommit[] {
  return output
    .split("\0")
    .filter((entry) => entry.trim() !== "")
    .map((entry) => {
      const [head = "", ...files] = entry.split("\n").filter((line) => line !== "");
      const [hash = "", subject = ""] = head.split("\t");
      return { hash, subject, files };
    });
}

async function shallowCommits(root: string): Promise<Set<string>> {
  const { ok, output } = await runProgram("git", ["rev-parse", "--git-path", "shallow"], {
    cwd: root,
  });
  const file = path.resolve(root, output);
  return new Set(ok && existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : []);
}
