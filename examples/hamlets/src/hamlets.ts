/** The rules: state and command in, events out. Nothing here knows of a server. */
import { create } from "@bufbuild/protobuf";
import {
  applied,
  type DecideContext,
  event,
  type HexParts,
  isRefused,
  playerOf,
  refused,
} from "@hexhold/actor";
import { type Residence, ResidenceSchema } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import {
  type OwnerChanged,
  OwnerChangedSchema,
  type SetOwner,
} from "@hexhold/gen/hexhold/ownership/v1/ownership_pb";
import {
  type Hamlet,
  type HamletNamed,
  HamletNamedSchema,
  type LayStones,
  LayStonesResultSchema,
  type NameHamlet,
  OwnerSchema,
  type StonesLaid,
  StonesLaidSchema,
} from "../gen/hamlets/v1/hamlets_pb.ts";

const stonesMax = 100;
const nameLengthMax = 32;

/** State of a hex: nothing in it is volatile. */
type State = HexParts<Hamlet>;

/** What the residence kit keeps, before anybody has been here too. */
export function residenceOf({ residence }: Hamlet): Residence {
  return residence ?? create(ResidenceSchema);
}

/** Whose the hamlet is at a moment; undefined: nobody's. A term ends by itself. */
export function ownerAt({ owner }: Hamlet, nowMs: number): Uint8Array | undefined {
  if (owner === undefined || owner.accountId.length === 0) return undefined;
  return nowMs < Number(owner.untilMs) ? owner.accountId : undefined;
}

export function layStones(
  { durable: hamlet }: State,
  { stones }: LayStones,
  context: DecideContext,
) {
  const player = playerOf(residenceOf(hamlet), context);
  if (isRefused(player)) return player;
  if (stones < 1 || stones > stonesMax) return refused("out-of-range");
  const { playerId } = player;
  const laid = event(StonesLaidSchema, { playerId, stones, atMs: BigInt(context.nowMs) });
  return applied([laid], create(LayStonesResultSchema, { stones: hamlet.stones + BigInt(stones) }));
}

export function nameHamlet({ durable }: State, { name }: NameHamlet, context: DecideContext) {
  const owner = ownerAt(durable, context.nowMs);
  const isOwner = owner?.every((byte, at) => byte === context.accountId?.[at]) === true;
  if (!isOwner) return refused("not-owner");
  if (name.length < 1 || name.length > nameLengthMax) return refused("out-of-range");
  return applied([event(HamletNamedSchema, { name })]);
}

/** The highest number wins: what was overtaken, or comes twice, changes nothing. */
export function setOwner({ durable }: State, command: SetOwner, context: DecideContext) {
  const { number, owner, untilMs, electionId } = command;
  if (number <= (durable.owner?.number ?? 0n)) return refused("stale-number");
  const atMs = BigInt(context.nowMs);
  return applied([event(OwnerChangedSchema, { number, owner, untilMs, electionId, atMs })]);
}

/** How each event changes the hamlet. */
export const evolveHamlet = {
  "evt.hex.stones-laid": ({ durable, ...rest }: State, { stones }: StonesLaid): State => ({
    ...rest,
    durable: { ...durable, stones: durable.stones + BigInt(stones) },
  }),
  "evt.hex.hamlet-named": ({ durable, ...rest }: State, { name }: HamletNamed): State => ({
    ...rest,
    durable: { ...durable, name },
  }),
  "evt.hex.owner-changed": ({ durable, ...rest }: State, event: OwnerChanged): State => {
    const { number, owner: accountId, untilMs } = event;
    const owner = create(OwnerSchema, { number, accountId, untilMs });
    return { ...rest, durable: { ...durable, owner } };
  },
};
