import { expect, test } from "vitest";
import { agoWords, clockWords, spanWords } from "./time-words.ts";

test("spans are told in the largest unit of which there is a whole one", () => {
  expect([0, 1_500, 60_000, 61_000, 3_600_001, 86_400_000].map(spanWords)).toEqual([
    "1 s",
    "2 s",
    "1 min",
    "2 min",
    "2 h",
    "1 d",
  ]);
  expect([-5, 59_999, 60_000, 7_199_999, 86_400_000 * 3].map(agoWords)).toEqual([
    "just now",
    "just now",
    "1 min ago",
    "1 h ago",
    "3 d ago",
  ]);
});

test("a clock counts down to nothing", () => {
  expect([-1, 1, 59_001, 245_000, 3_845_000].map(clockWords)).toEqual([
    "0:00",
    "0:01",
    "1:00",
    "4:05",
    "1:04:05",
  ]);
});
