import { expect, test } from "vitest";
import { sentenceOf } from "./telling-line.ts";

test("the line that tells why is the sentence, not the last one; the last lines stand below", () => {
  const output = [
    "creating subdirectories ... ok",
    "initdb: error: could not write to file: No space left on device",
    'initdb: removing data directory "/x"',
    "",
  ].join("\n");
  expect(sentenceOf("initdb failed (exit code 1)", output).split("\n")).toEqual([
    "initdb failed (exit code 1): initdb: error: could not write to file: No space left on device",
    "  | creating subdirectories ... ok",
    "  | initdb: error: could not write to file: No space left on device",
    '  | initdb: removing data directory "/x"',
  ]);
});

test("of PostgreSQL it is what went wrong, not the hint behind it", () => {
  const output =
    "FATAL:  could not map anonymous shared memory: Cannot allocate memory\nHINT:  This error usually means that …\nLOG:  database system is shut down\n";
  expect(sentenceOf("postgres ended", output)).toMatch(/^postgres ended: FATAL: {2}could not map/);
});

test("where no line tells it is the last, and nothing is said to be nothing", () => {
  expect(sentenceOf("x ended", "starting\nbye\n")).toMatch(/^x ended: bye\n/);
  expect(sentenceOf("x ended", "\n \n")).toBe("x ended; it printed nothing.");
});
