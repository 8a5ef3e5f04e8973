import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codePointsOf, foldedText, prepareText, textBytesMax } from "./text.ts";

const kept = (raw: string, max = 256): string | undefined => {
  const prepared = prepareText(raw, max);
  return prepared.kind === "text" ? prepared.text : undefined;
};

describe("a text", () => {
  it.each([
    ["hello", "hello"],
    ["  hello \u00a0\u2003 there\u3000", "hello there"],
    // Decomposed.
    ["Cafe\u0301", "Caf\u00e9"],
    ["<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"],
    // A family, joined; a flag of tags; a heart with a variation selector.
    ["\u{1f468}\u200d\u{1f469}\u200d\u{1f467}", "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}"],
    [
      "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
      "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    ],
    ["\u2764\ufe0f", "\u2764\ufe0f"],
    ["שלום עולם", "שלום עולם"],
    ["\u{1f600}".repeat(256), "\u{1f600}".repeat(256)],
    ["z\u0335\u0336\u0337\u0338", "z\u0335\u0336\u0337\u0338"],
  ])("is kept: %j", (raw, expected) => {
    expect(kept(raw)).toBe(expected);
  });

  it.each([
    ["empty", ""],
    ["of blanks", "  \u00a0\u3000 "],
    ["of what is not seen", "\u3164\u2800\u200d"],
    ["of marks alone", "\u0301\u0302"],
    ["of 257 code points", "\u{1f600}".repeat(257)],
    ["of 1,025 bytes", `${"\u{1f600}".repeat(255)}\u{1f600}ab`],
    ["with a line feed", "one\ntwo"],
    ["with a tab", "one\ttwo"],
    ["with NUL", "a\u0000b"],
    ["with DEL", "a\u007fb"],
    ["with a C1 control", "a\u0085b"],
    ["with a line separator", "a\u2028b"],
    ["that turns the direction", "a\u202eb"],
    ["with an isolate", "a\u2067b\u2069"],
    ["with a direction mark", "a\u200fb"],
    ["with a zero-width space", "a\u200bb"],
    ["with a soft hyphen", "a\u00adb"],
    ["with five marks on a character", "z\u0335\u0336\u0337\u0338\u0334"],
  ])("is not allowed: %s", (_, raw) => {
    expect(kept(raw)).toBeUndefined();
  });

  it("is as short as is set", () => {
    expect(kept("abc", 3)).toBe("abc");
    expect(kept("abcd", 3)).toBeUndefined();
  });

  it("is within its bounds whatever it was, and is kept as it is a second time", () => {
    // Of what rules are about, more often than chance would bring it.
    const pieces = fc.oneof(
      {
        weight: 30,
        arbitrary: fc.constantFrom(
          "a",
          "e\u0301",
          "\u0301",
          " ",
          "\u00a0",
          "\u200d",
          "\u{1f600}",
          "\ufb03",
          "\u0344",
          "\u3164",
        ),
      },
      { weight: 1, arbitrary: fc.constantFrom("\u202e", "\n", "\u0000", "\u00ad", "\u2028") },
      { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 1 }) },
    );
    let keptCount = 0;
    fc.assert(
      fc.property(
        fc.array(pieces, { maxLength: 40 }),
        fc.integer({ min: 1, max: 12 }),
        (some, times) => {
          const text = kept(some.join("").repeat(times));
          if (text === undefined) return true;
          keptCount++;
          const isInside =
            text !== "" && codePointsOf(text) <= 256 && Buffer.byteLength(text) <= textBytesMax;
          const isClean =
            text === text.normalize("NFC") &&
            !/^\s|\s$|\s\s|[\p{Cc}\u202a-\u202e\u2066-\u2069]|\p{M}{5}/u.test(text);
          return isInside && isClean && kept(text) === text;
        },
      ),
      { numRuns: 300 },
    );
    expect(keptCount).toBeGreaterThan(20);
  }, 20_000);
});

it("texts that look alike are the same", () => {
  expect(foldedText("BUY  Gold")).toBe(foldedText("ｂｕｙ gold"));
  expect(foldedText("buy gold")).not.toBe(foldedText("buy wood"));
});
