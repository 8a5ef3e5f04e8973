/** Masks words of a list. */
import { codePointsOf } from "../rules/text.ts";
import type { Moderate } from "./moderator.ts";

/**
 * Whole words, in any case, and with accents or without, are replaced by as many asterisks. An empty list allows everything.
 * @param words letters and digits each.
 */
export function wordList(words: readonly string[]): Moderate {
  const masked = new Set(words.map(bare));
  if (masked.size === 0) return () => ({ kind: "allow" });
  return (text) => {
    const after = text.replace(/[\p{L}\p{M}\p{N}]+/gu, (word) =>
      masked.has(bare(word)) ? "*".repeat(codePointsOf(word)) : word,
    );
    return after === text ? { kind: "allow" } : { kind: "mask", text: after };
  };
}

function bare(word: string): string {
  return word.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}
