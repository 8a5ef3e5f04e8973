/** Elections and owners in words. Pure. */
import {
  Cause,
  type Election,
  ElectionState,
} from "@hexhold/gen/hexhold/governance/v1/commands_pb";
import { amountWords } from "./number-words.ts";

const causes: Readonly<Record<number, string>> = {
  [Cause.VACANT]: "The hex has no owner.",
  [Cause.TERM_OVER]: "The term of the last owner is over.",
  [Cause.OWNER_INACTIVE]: "The owner lives elsewhere and has done nothing for the hex for long.",
};

export function causeWords(cause: Cause): string {
  return causes[cause] ?? "The owner of the hex is elected.";
}

/** How many have voted, and with how much weight; for whom is nobody's to know before the end. */
export function turnoutWords({ electors, turnoutHeads, turnoutWeight, weight }: Election): string {
  const share = weight === 0n ? 0n : (turnoutWeight * 100n) / weight;
  return `${amountWords(turnoutHeads)} of ${amountWords(electors)} electors have voted, with ${share} % of the weight.`;
}

const failures: Readonly<Record<string, string>> = {
  quorum: "too little of the weight has voted",
  heads: "too few have voted",
  "no-votes": "nobody has voted",
  tie: "two had the same weight",
};

/** How an election ended; `winner`: the name of who won. */
export function resultWords({ state, failure }: Election, winner: string): string {
  switch (state) {
    case ElectionState.WON:
      return `${winner} was elected`;
    case ElectionState.FAILED:
      return `Nobody was elected: ${failures[failure] ?? "the election failed"}`;
    default:
      return "Open";
  }
}

/** Characters of what a candidate says, as the contract of `stand` counts them. */
export const standWordsMax = 200;

/** What is wrong with the words of a candidate; undefined: nothing. */
export function standFault(words: string): string | undefined {
  if (Array.from(words).length > standWordsMax) {
    return `What you say has at most ${standWordsMax} characters.`;
  }
  return /^[^\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]*$/u.test(words)
    ? undefined
    : "What you say is one line, without signs that turn the direction of text.";
}
