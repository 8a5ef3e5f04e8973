import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Gate } from "../gate.ts";
import { readSources } from "../source-tree.ts";
import { checkBorders, type WorkspacePackage } from "./check-borders.ts";

/** Packages depend on each other as the table says, and the pure ones are pure. */
export const bordersGate: Gate = {
  name: "borders",
  run: (root) =>
    Promise.resolve({
      failures: checkBorders(readWorkspace(root), readSources(root, [".ts", ".tsx"])),
    }),
};

/** Every package of the workspace, and the examples, which find what they import in the root's node_modules. */
export function readWorkspace(root: string): WorkspacePackage[] {
  const [, list = ""] =
    /^packages:\n((?: {2}- .+\n)+)/m.exec(
      readFileSync(path.join(root, "pnpm-workspace.yaml"), "utf8"),
    ) ?? [];
  const packages = [...list.matchAll(/- (.+)/g)].map(([, pattern]) => pattern ?? "");
  const manifestOf = (file: string): Manifest =>
    JSON.parse(readFileSync(path.join(root, file), "utf8")) as Manifest;
  const ofRoot = Object.keys(manifestOf("package.json").devDependencies ?? {});
  const read = (patterns: readonly string[], more: readonly string[]): WorkspacePackage[] =>
    globSync(
      patterns.map((pattern) => `${pattern}/package.json`),
      { cwd: root },
    ).map((file) => {
      const manifest = manifestOf(file);
      return {
        folder: path.dirname(file).split(path.sep).join("/"),
        name: manifest.name,
        dependencies: [...Object.keys(manifest.dependencies ?? {}), ...more],
        devDependencies: Object.keys(manifest.devDependencies ?? {}),
      };
    });
  return [...read(packages, []), ...read(["examples/*"], ofRoot)];
}

interface Manifest {
  readonly name: string;
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
}
