import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { forgetNotes, notes, say } from "./notes.ts";

const shown = (): string[] => notes.value.map(({ text }) => text);

beforeEach(() => void vi.useFakeTimers());

afterEach(() => {
  forgetNotes();
  vi.useRealTimers();
});

test("of one thing the last word alone is shown, and for seven seconds from then", () => {
  say("There will be food in 6 s.", "food");
  vi.advanceTimersByTime(1000);
  say("There will be food in 5 s.", "food");
  say("You are at the shore.");
  expect(shown()).toEqual(["There will be food in 5 s.", "You are at the shore."]);
  vi.advanceTimersByTime(6500);
  expect(shown()).toContain("There will be food in 5 s.");
  vi.advanceTimersByTime(500);
  expect(shown()).toEqual([]);
});

test("the same words again are not a second line, and four lines are the most", () => {
  for (const text of ["a", "a", "b", "c", "d", "e"]) say(text);
  expect(shown()).toEqual(["b", "c", "d", "e"]);
});
