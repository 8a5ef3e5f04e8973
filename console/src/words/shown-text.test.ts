import { expect, test } from "vitest";
import { shownText } from "./shown-text.ts";

test("signs that turn text are seen instead of obeyed, and all else stays as it is", () => {
  expect(shownText("\u202egnp.exe\u2066")).toBe("\ufffdgnp.exe\ufffd");
  const plain = `<img onerror="x">, שלום, 👩‍👩‍👧, é`;
  expect(shownText(plain)).toBe(plain);
});
