/** Which texts may be said, and how they are kept. Pure. */

export const textBytesMax = 1024;
/** Combining marks on one character: more of them draw over the lines above and below. */
export const combiningMax = 4;

/**
 * Control characters, line and paragraph separators, and format characters: what turns the direction of text, or takes room
 * without being seen. Joiners and tags are let through: emoji and some scripts are made with them.
 */
const forbidden = /[\p{Cc}\p{Zl}\p{Zp}]|(?!\u200c|\u200d|[\u{e0020}-\u{e007f}])\p{Cf}/u;
const combiningRun = new RegExp(`\\p{M}{${combiningMax + 1}}`, "u");
/** What leaves no mark on a screen by itself. */
const unseen = /[\p{Z}\p{M}\p{Cf}\u115f\u1160\u2800\u3164\uffa0]/gu;

export type Prepared =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "not-allowed" };

/** Brings a text to NFC and folds its white space. Not allowed: what is empty then, too long, or has what nobody may send. */
export function prepareText(raw: string, codePointsMax: number): Prepared {
  if (forbidden.test(raw)) return { kind: "not-allowed" };
  const text = raw.normalize("NFC").replace(/\s+/gu, " ").trim();
  if (
    combiningRun.test(text) ||
    text.replace(unseen, "") === "" ||
    codePointsOf(text) > codePointsMax ||
    new TextEncoder().encode(text).length > textBytesMax
  ) {
    return { kind: "not-allowed" };
  }
  return { kind: "text", text };
}

export function codePointsOf(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** By which two texts are the same that look alike at a glance: width, case and spaces do not count. */
export function foldedText(text: string): string {
  return text.normalize("NFKC").toLowerCase().replace(/\s+/gu, "");
}
