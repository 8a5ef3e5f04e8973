/**
 * `npm run generate`: the code of all messages. With folders behind `--`, that of these games alone
 * (`npm run generate -- examples/flowers`).
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { generate, generateGame, prepareProtos, repositoryRoot } from "./generate.ts";

const folders = process.argv.slice(2);
if (folders.length === 0) generate();
else prepareProtos(repositoryRoot);
for (const folder of folders) {
  const own = path.resolve(repositoryRoot, folder);
  if (!existsSync(path.join(own, "proto"))) {
    console.error(`${folder}: there is no folder ${path.join(own, "proto")} with .proto files`);
    process.exitCode = 1;
    continue;
  }
  const target = path.join(own, "gen");
  try {
    generateGame(path.relative(repositoryRoot, own), target);
    console.log(`${folder}: the messages of proto/ are in gen/`);
  } catch (error) {
    // What buf says names file and line.
    console.error((error as { stderr?: string }).stderr ?? String(error));
    process.exitCode = 1;
  }
}
