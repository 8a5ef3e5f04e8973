/** What kinds of players there are among bots. Pure. */
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";

export type Calling = "gatherer" | "builder" | "trader" | "politician" | "chatterbox";

/** How a bot differs from others. Shares are of its steps, 0 to 1. */
export interface Traits {
  /** What it gathers. */
  readonly resources: readonly Resource[];
  /** How much more often than a wanderer it crosses to another hex. */
  readonly roams: number;
  /** Gives something to its hex, when it carries something and sees no site. */
  readonly gives: number;
  /** Looks at the market. */
  readonly trades: number;
  /** How it trades: for coin, for goods, or on both sides of a book. */
  readonly stance: Stance;
  /** Looks at the council of its hex; those who stand also call elections. */
  readonly votes: number;
  readonly stands: boolean;
  /** Says something. */
  readonly talks: number;
}

export type Stance = "sells" | "buys" | "quotes";

/** What a dwelling is built of, and a well's stone. */
const common = [Resource.WOOD, Resource.STONE, Resource.FOOD];
const all = [...common, Resource.ORE, Resource.HERB];

/** Who has no part in the economy: walks, gathers, crosses, and builds where it may. */
export const wanderer: Traits = {
  resources: common,
  roams: 1,
  gives: 1 / 40,
  trades: 0,
  stance: "sells",
  votes: 0,
  stands: false,
  talks: 0,
};

/**
 * Shares are such that one bot in 4 steps a second trades every few seconds and looks at its council every ten: a
 * reading is a command as well, and most commands are to be those of a game.
 */
const traitsOf: Readonly<Record<Calling, Traits>> = {
  gatherer: { ...wanderer, resources: all, gives: 1 / 60, trades: 1 / 6, votes: 1 / 60 },
  builder: {
    ...wanderer,
    roams: 1 / 4,
    gives: 1 / 10,
    trades: 1 / 8,
    stance: "buys",
    votes: 1 / 40,
  },
  trader: {
    ...wanderer,
    roams: 1 / 2,
    gives: 1 / 20,
    trades: 1 / 4,
    stance: "quotes",
    votes: 1 / 60,
  },
  politician: {
    ...wanderer,
    roams: 1 / 10,
    gives: 1 / 8,
    trades: 1 / 12,
    stance: "buys",
    votes: 1 / 16,
    stands: true,
    talks: 1 / 80,
  },
  chatterbox: { ...wanderer, roams: 2, trades: 1 / 24, votes: 1 / 60, talks: 1 / 8 },
};

/** Of ten bots: three gather, two each build, trade and stand for election, and one talks. */
const dealt: readonly Calling[] = [
  "gatherer",
  "trader",
  "builder",
  "politician",
  "chatterbox",
  "gatherer",
  "trader",
  "builder",
  "politician",
  "gatherer",
];

/** The calling of the bot number `n`, from 0. */
export function callingOf(n: number): Calling {
  return dealt[n % dealt.length]!;
}

/** Undefined: a wanderer's. */
export function traitsFor(calling: Calling | undefined): Traits {
  return calling === undefined ? wanderer : traitsOf[calling];
}
