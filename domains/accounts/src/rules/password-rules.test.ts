import { expect, test } from "vitest";
import { isWeakPassword, normalisedPassword } from "./password-rules.ts";

test("a password that is the name or repeats itself is weak; another of the same length is not", () => {
  const weak = ["Wanderer", "rerednaw", "aaaaaaaa", "abababab", "xyzxyzxyz"];
  expect(weak.filter((password) => !isWeakPassword("wanderer", password))).toEqual([]);
  const fine = ["wanderes", "aaaaaaab", "correct horse", "日本語日本語日本誤"];
  expect(fine.filter((password) => isWeakPassword("wanderer", password))).toEqual([]);
});

test("what looks the same is the same password", () => {
  expect(normalisedPassword("e\u0301toile \uff11")).toBe(normalisedPassword("\u00e9toile 1"));
  expect(normalisedPassword("Etoile")).not.toBe(normalisedPassword("etoile"));
});
