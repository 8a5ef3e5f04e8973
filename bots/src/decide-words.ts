/** What a bot says: pure, so that a seed says all of it. */
import { anyOf, type Random } from "./seeded-random.ts";

export interface Saying {
  readonly where: "local" | "world";
  readonly text: string;
}

/** To the world an account may speak once in ten seconds, in its hex once a second. */
const worldShare = 1 / 4;

const openings = ["Hello", "Good morning", "Listen", "By the way", "Friends", "Well"] as const;
const subjects = {
  local: ["this hex", "the site here", "our owner", "the tax", "the stone around here", "the path"],
  world: ["the price of wood", "the market", "the price of food", "the next election", "the north"],
} as const;
const opinions = [
  "is better than yesterday",
  "needs more of us",
  "will be worth something soon",
  "was never like this",
  "could be worse",
  "is what I came for",
  "is nothing to write home about",
] as const;
const ends = [".", "!", ", or is it?", " ☺", "…"] as const;

/** Decides where to say what: some 3,500 sentences, as the same one twice in 30 s is refused. */
export function decideWords(random: Random): Saying {
  const any = <T>(list: readonly T[]): T => anyOf(list, random);
  const where = random() < worldShare ? "world" : "local";
  const text = `${any(openings)}, ${any(subjects[where])} ${any(opinions)}${any(ends)}`;
  return { where, text };
}
