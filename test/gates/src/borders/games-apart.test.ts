import { contracts } from "@hexhold/gen/hexhold/reference/v1/contracts";
import { expect, it } from "vitest";
import { repositoryRoot } from "../generate.ts";
import { isForTests, readSources, type SourceFile } from "../source-tree.ts";

/** What serves every game: it knows none. */
const platform = /^(client|gateway|hexctl|router|worker|domains\/|libs\/)/;
const examples = /^examples\//;

const sources = readSources(repositoryRoot, [".ts", ".tsx", ".proto"]);

function naming(files: readonly SourceFile[], words: readonly string[]): string[] {
  return files.flatMap(({ path, text }) =>
    words.filter((word) => text.includes(word)).map((word) => `${path} names ${word}`),
  );
}

it("no source of the platform names a message of a game", () => {
  const files = sources.filter(({ path }) => platform.test(path) && !isForTests(path));
  expect(files.length).toBeGreaterThan(300);
  const types = [...Object.keys(contracts.commands), ...Object.keys(contracts.events)];
  const words = [...types, "hexhold.reference", "hexhold/reference", "flowers"];
  expect(naming(files, words)).toEqual([]);
  // And sees one where there is one.
  const [type = ""] = types;
  expect(naming([{ path: "x", text: `"${type}"` }], words)).toHaveLength(1);
});

it("no example names the reference game", () => {
  const files = sources.filter(({ path }) => examples.test(path));
  expect(files.length).toBeGreaterThan(5);
  expect(naming(files, ["reference"])).toEqual([]);
});
