/** The sources of the repository as gates see them. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** Folders that hold nothing of ours: installed, built, generated or written by a run. */
const foreignFolders = new Set(["node_modules", "dist", ".git", ".data", ".build", ".cache"]);

/** Generated code, and games that a test makes. */
const passedBy = /^(gen\/(hexhold|grpc)|(games|examples)\/[^/]+\/gen|examples\/fresh-[^/]+)$/;

export interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** Every file under `root` that ends with one of `endings`, generated code left out, sorted by path. */
export function readSources(root: string, endings: readonly string[]): SourceFile[] {
  const found: SourceFile[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const name = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!foreignFolders.has(entry.name) && !passedBy.test(name)) visit(name);
      } else if (entry.isFile() && endings.some((ending) => entry.name.endsWith(ending))) {
        found.push({ path: name, text: readFileSync(path.join(root, name), "utf8") });
      }
    }
  };
  visit("");
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * Whether a file exists for tests only: by its ending (`.test.ts`, of any kind, and `.testing.ts`), as the
 * contract suite of a port (`*-contract.ts`), or by its folder (`test/` of the repository or of a package,
 * `libs/testing`).
 */
export function isForTests(file: string): boolean {
  return (
    /\.(test|testing)\.tsx?$/.test(file) ||
    file.endsWith("-contract.ts") ||
    /(^|\/)test\//.test(file) ||
    file.startsWith("libs/testing/")
  );
}
