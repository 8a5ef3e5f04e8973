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

/** Every package of the workspace. */
export function readWorkspace(root: string): WorkspacePackage[] {
  const [, list = ""] =
    /^packages:\n((?: {2}- .+\n)+)/m.exec(
      readFileSync(path.join(root, "pnpm-workspace.yaml"), "utf8"),
    ) ?? [];
  const packages = [...list.matchAll(/- (.+)/g)].map(([, pattern]) => pattern ?? "");
  return globSync(
    packages.map((pattern) => `${pattern}/package.json`),
    { cwd: root },
  ).map((file) => {
    const manifest = JSON.parse(readFileSync(path.join(root, file), "utf8")) as {
      name: string;
      dependencies?: Record<string, string>;
      devDependencies?: Record<string, string>;
    };
    return {
      folder: path.dirname(file).split(path.sep).join("/"),
      name: manifest.name,
      dependencies: Object.keys(manifest.dependencies ?? {}),
      devDependencies: Object.keys(manifest.devDependencies ?? {}),
    };
  });
}
