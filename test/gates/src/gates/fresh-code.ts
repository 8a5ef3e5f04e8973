import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Gate } from "../gate.ts";
import { foldersOfGames, generateGame } from "../generate.ts";
import { runProgram } from "../run-program.ts";

/** Where generated code lives under `gen/`; what else is there is written by hand. */
const generatedFolders = ["hexhold", "grpc"];

/** `gen/`, and gen/ of each game, is, byte for byte, what `npm run generate` makes of `proto/` now. */
export const freshCodeGate: Gate = {
  name: "gen is fresh",
  run: async (root) => {
    const fresh = mkdtempSync(path.join(tmpdir(), "hexhold-gen-"));
    try {
      const { ok, output } = await runProgram("buf", ["generate", "--output", fresh], {
        cwd: root,
      });
      if (!ok) return { failures: [`buf generate\n${output}`] };
      const differences = generatedFolders.flatMap((folder) =>
        compareFolders(path.join(root, "gen", folder), path.join(fresh, "gen", folder)).map(
          ({ name, what }) => `gen/${folder}/${name} ${what}`,
        ),
      );
      for (const folder of foldersOfGames(root)) {
        const target = path.join(fresh, folder);
        generateGame(folder, target);
        const ofGame = compareFolders(path.join(root, folder, "gen"), target);
        differences.push(...ofGame.map(({ name, what }) => `${folder}/gen/${name} ${what}`));
      }
      return {
        failures: differences.map((difference) => `${difference}: run \`npm run generate\``),
      };
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  },
};

function compareFolders(committed: string, fresh: string): { name: string; what: string }[] {
  const here = filesUnder(committed);
  const wanted = filesUnder(fresh);
  const missing = [...wanted].filter((name) => !here.has(name));
  const stale = [...here].filter((name) => !wanted.has(name));
  const changed = [...wanted].filter(
    (name) =>
      here.has(name) &&
      !readFileSync(path.join(committed, name)).equals(readFileSync(path.join(fresh, name))),
  );
  return [
    ...missing.map((name) => ({ name, what: "is missing" })),
    ...stale.map((name) => ({ name, what: "comes from no .proto file any more" })),
    ...changed.map((name) => ({ name, what: "is not what proto/ generates" })),
  ];
}

function filesUnder(folder: string): Set<string> {
  if (!existsSync(folder)) return new Set();
  return new Set(
    readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name))),
  );
}
