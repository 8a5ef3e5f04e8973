/**
 * `npm run freeze`: renews the frozen image of the contracts and raises the version in package.json. Part of
 * a release, the last commit of an issue: from then on the check refuses what breaks these contracts.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { checkContracts } from "./contracts/contracts-gate.ts";
import { freezeSubject } from "./contracts/freeze-history.ts";
import { buildImage, frozenImage, readFrozen } from "./contracts/image.ts";
import { prepareProtos, repositoryRoot } from "./generate.ts";

prepareProtos(repositoryRoot);
const { failures } = await checkContracts(repositoryRoot);
if (failures.length > 0) {
  console.error(failures.join("\n"));
  console.error("Nothing was frozen: what is frozen now must pass its own check first.");
  process.exitCode = 1;
} else {
  const image = await buildImage(repositoryRoot);
  const frozen = readFrozen(repositoryRoot);
  if (frozen !== undefined && Buffer.from(frozen).equals(image)) {
    console.log("The contracts are frozen as they are: nothing to do.");
  } else {
    freeze(image);
  }
}

function freeze(image: Uint8Array): void {
  const file = path.join(repositoryRoot, frozenImage);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, image);
  const manifest = path.join(repositoryRoot, "package.json");
  const text = readFileSync(manifest, "utf8");
  const version = /"version": "(\d+)\.(\d+)\.\d+"/.exec(text);
  if (version === null) throw new Error("package.json has no version of the form 1.2.3");
  const [found, major, minor] = version;
  const next = `${String(major)}.${Number(minor) + 1}.0`;
  writeFileSync(manifest, text.replace(found, `"version": "${next}"`));
  console.log(
    `Froze the contracts as version ${next}. Now commit these two files, and nothing else:`,
  );
  console.log(`  git add ${frozenImage} package.json`);
  console.log(`  git commit -m "${freezeSubject}" -- ${frozenImage} package.json`);
}
