/** What a bot does next: pure, so that a seed and what was seen say all of it. */
import type { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import type { Random } from "./seeded-random.ts";

/** What a bot knows of the hex in which it lives. */
export interface Surroundings {
  /** Stocks as of now; empty while no view has come yet. */
  readonly stocks: readonly { readonly resource: Resource; readonly amount: number }[];
  /** Six; five beside a pentagon. */
  readonly neighbours: number;
}

export type Step =
  /** To a place inside the hex, in thousandths of its inradius. */
  | { readonly kind: "walk"; readonly x: number; readonly y: number }
  | { readonly kind: "gather"; readonly resource: Resource; readonly amount: number }
  /** To a neighbouring hex, numbered from 0. */
  | { readonly kind: "cross"; readonly side: number };

/** So that bots spread, and most of their commands are others. */
const crossShare = 1 / 20;
/** Where nothing lies there is little to stay for. */
const crossShareBare = 1 / 5;
/** One in three other steps is a walk, so that both volatile and durable commands flow. */
const walkShare = 1 / 3;
/** Small enough that a hex feeds its 32 residents for a while. */
const gatherMax = 3;
/** A square of this half side lies inside every hex, corners included. */
const walkMax = 600;

/**
 * Decides the next step of a bot: it crosses to another hex now and then, walks, and gathers else, of what there
 * is most. What it sees may be old, so the hex refuses some of it. Where nothing lies it walks, and soon crosses.
 */
export function decideNext(seen: Surroundings, random: Random): Step {
  const [richest] = seen.stocks.toSorted((a, b) => b.amount - a.amount);
  const isBare = richest !== undefined && richest.amount < 1;
  if (random() < (isBare ? crossShareBare : crossShare)) {
    return { kind: "cross", side: Math.floor(random() * seen.neighbours) };
  }
  if (richest === undefined || isBare || random() < walkShare) return walk(random);
  const wanted = 1 + Math.floor(random() * gatherMax);
  return {
    kind: "gather",
    resource: richest.resource,
    amount: Math.min(wanted, Math.floor(richest.amount)),
  };
}

function walk(random: Random): Step {
  const along = (): number => Math.round((random() * 2 - 1) * walkMax);
  return { kind: "walk", x: along(), y: along() };
}
