/** A hex of the reference game under test, with what the tests of its land need. */
import { create } from "@bufbuild/protobuf";
import type { DecideContext, Decision, Game } from "@hexhold/actor";
import { givenHex, home, playerId, type TestHex } from "@hexhold/actor/testing";
import { EnterSchema, SpawnSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { type Take, TakeSchema } from "@hexhold/gen/hexhold/inventory/v1/takes_pb";
import { SetOwnerSchema } from "@hexhold/gen/hexhold/ownership/v1/ownership_pb";
import {
  ContributeSchema,
  type PlanSiteResult,
  PlanSiteSchema,
} from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import {
  type HexPresence,
  type HexState,
  type Resource,
  SiteKind,
} from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { EndTakeSchema, TakeEnd } from "@hexhold/gen/hexhold/takes/v1/takes_pb";
import { createGame } from "./index.ts";

export type LandHex = TestHex<HexState, HexPresence>;

/** Every hex has 1000 ‰ of everything, so that a full stock holds what the option says. */
const even = { wood: 1000, stone: 1000, food: 1000, ore: 1000, herb: 1000 };
export const evenBiomes = {
  forest: even,
  hills: even,
  plains: even,
  marsh: even,
  mountain: even,
};

/** The game with small sites: 10 wood and 5 food make a dwelling, in a minute; and a hex that hardly rises. */
export function landGame(options: object = {}): Game {
  return createGame({
    biomes: evenBiomes,
    sites: { dwelling: { needs: { wood: 10, food: 5 }, buildMs: 60_000 } },
    levelBase: 1_000_000,
    ...options,
  });
}

/** A hex of {@link landGame} at level 1, with so many players online. */
export function givenLand(players = 1, options: object = {}): LandHex {
  return givenLandOf(landGame(options), players);
}

export function givenLandOf(game: Game, players: number): LandHex {
  const hex = givenHex<HexState, HexPresence>(game, home);
  for (let n = 1; n <= players; n++) {
    hex.when(SpawnSchema, { playerId: playerId(n) });
    hex.when(EnterSchema, {}, n);
  }
  hex.parts = { ...hex.parts, durable: { ...hex.parts.durable, level: 1 } };
  return hex;
}

/** Gives the hex to player `n` (0 = nobody) for so long, as the next owner or the one of `number`. */
export function setOwner(
  hex: LandHex,
  n: number,
  termMs = 3_600_000,
  number = (hex.parts.durable.tenure?.number ?? 0n) + 1n,
): Decision {
  return hex.when(SetOwnerSchema, {
    number,
    owner: n === 0 ? new Uint8Array(0) : playerId(n),
    untilMs: BigInt(hex.nowMs + termMs),
    electionId: new Uint8Array(16).fill(7),
  });
}

/** Opens a dwelling; its site's id. */
export function planDwelling(hex: LandHex, by = 1): Uint8Array {
  const decision = hex.when(PlanSiteSchema, { kind: SiteKind.DWELLING }, by);
  if (decision.kind === "refused") throw new Error(decision.reason);
  return (decision.result as PlanSiteResult).siteId;
}

/** What player `by` asks to contribute; the take that the inventory is sent. */
export function contribute(
  hex: LandHex,
  by: number,
  resource: Resource,
  amount: number,
  siteId: Uint8Array = new Uint8Array(0),
  context: Partial<DecideContext> = {},
): Take {
  const wanted = { resource, amount: BigInt(amount), siteId };
  const decision = hex.whenMessage(create(ContributeSchema, wanted), by, context);
  if (decision.kind === "refused") throw new Error(decision.reason);
  const [message] = decision.messages!;
  if (message?.schema.typeName !== TakeSchema.typeName) throw new Error("no take was sent");
  return message.message as Take;
}

/** The inventory's answer to a take. */
export function answer(hex: LandHex, { takeId }: Pick<Take, "takeId">, taken = true): Decision {
  return hex.when(EndTakeSchema, {
    takeId,
    end: taken ? TakeEnd.TAKEN : TakeEnd.REFUSED,
    reason: taken ? "" : "insufficient-goods",
  });
}
