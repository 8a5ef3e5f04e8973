/** What a bot does next: pure, so that a seed and what was seen say all of it. */
import type { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { type Traits, wanderer } from "./calling.ts";
import type { Random } from "./seeded-random.ts";

/** What a bot knows of what can be built in its hex. */
export interface Land {
  /** Undefined: none is open, or its needs are met. */
  readonly site:
    | {
        readonly siteId: Uint8Array;
        /** What it still takes, above 0. */
        readonly wanted: readonly { readonly resource: Resource; readonly room: number }[];
      }
    | undefined;
  /** Whether the bot may open a site, as far as can be seen. */
  readonly mayPlan: boolean;
  /** What the bot has gathered and not given away. */
  readonly carried: ReadonlyMap<Resource, number>;
}

/** What a bot knows of the hex in which it lives. */
export interface Surroundings {
  /** Stocks as of now; empty while no view has come yet. */
  readonly stocks: readonly { readonly resource: Resource; readonly amount: number }[];
  /** Six; five beside a pentagon. */
  readonly neighbours: number;
  /** Undefined: nothing can be built in this world. */
  readonly land?: Land | undefined;
}

export type Step =
  /** To a place inside the hex, in thousandths of its inradius. */
  | { readonly kind: "walk"; readonly x: number; readonly y: number }
  | { readonly kind: "gather"; readonly resource: Resource; readonly amount: number }
  /** To the open site, or to the hex itself. */
  | {
      readonly kind: "contribute";
      readonly resource: Resource;
      readonly amount: number;
      readonly siteId?: Uint8Array;
    }
  | { readonly kind: "plan" }
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
/** Of the steps of a bot that could plan a site. */
const planShare = 1 / 20;
/** What one contribution brings at most. */
const giveMax = 10;
/** A square of this half side lies inside every hex, corners included. */
const walkMax = 600;

/**
 * Decides the next step of a bot: it crosses to another hex now and then, walks, and gathers else, of what there
 * is most, or of what the site of its hex wants. What it carries it brings to the site of its hex, and a little of it to the hex; where it may, it plans one.
 * What it sees may be old, so the hex refuses some of it. Where nothing lies it walks, and soon crosses.
 */
export function decideNext(seen: Surroundings, random: Random, traits: Traits = wanderer): Step {
  const [richest] = seen.stocks.toSorted((a, b) => b.amount - a.amount);
  const isBare = richest !== undefined && richest.amount < 1;
  if (random() < (isBare ? crossShareBare : crossShare) * traits.roams) {
    return { kind: "cross", side: Math.floor(random() * seen.neighbours) };
  }
  const built = seen.land === undefined ? undefined : build(seen.land, traits.gives, random);
  if (built !== undefined) return built;
  if (richest === undefined || isBare || random() < walkShare) return walk(random);
  const wanted = 1 + Math.floor(random() * gatherMax);
  const { resource, amount } = forSite(seen) ?? richest;
  return { kind: "gather", resource, amount: Math.min(wanted, Math.floor(amount)) };
}

/** Of what the open site wants, that of which there is most. */
function forSite({ stocks, land }: Surroundings): Surroundings["stocks"][number] | undefined {
  const wanted = land?.site?.wanted.map(({ resource }) => resource);
  const [most] = stocks
    .filter(({ resource, amount }) => amount >= 1 && wanted?.includes(resource) === true)
    .toSorted((a, b) => b.amount - a.amount);
  return most;
}

function build({ site, mayPlan, carried }: Land, gives: number, random: Random): Step | undefined {
  const needed = site?.wanted.find(({ resource }) => (carried.get(resource) ?? 0) > 0);
  if (site !== undefined && needed !== undefined) {
    const { resource, room } = needed;
    const amount = Math.min(carried.get(resource) ?? 0, room, giveMax);
    return { kind: "contribute", resource, amount, siteId: site.siteId };
  }
  if (mayPlan && random() < planShare) return { kind: "plan" };
  const [something] = carried;
  if (site !== undefined || something === undefined || random() >= gives) return undefined;
  const [resource, amount] = something;
  return { kind: "contribute", resource, amount: Math.min(amount, giveMax) };
}

function walk(random: Random): Step {
  const along = (): number => Math.round((random() * 2 - 1) * walkMax);
  return { kind: "walk", x: along(), y: along() };
}
