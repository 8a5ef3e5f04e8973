import { expect, test } from "vitest";
import { decideWords } from "./decide-words.ts";
import { seededRandom } from "./seeded-random.ts";

test("sentences are short, mostly different, and now and then for the whole world", () => {
  const random = seededRandom(4);
  const said = Array.from({ length: 400 }, () => decideWords(random));
  expect(new Set(said.map(({ text }) => text)).size).toBeGreaterThan(250);
  for (const { text } of said) expect(text.length).toBeLessThan(100);
  const toAll = said.filter(({ where }) => where === "world").length;
  expect(toAll).toBeGreaterThan(60);
  expect(toAll).toBeLessThan(140);
});
