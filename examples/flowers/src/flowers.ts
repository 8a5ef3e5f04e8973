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
  type TimerRules,
} from "@hexhold/actor";
import { type Residence, ResidenceSchema } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import { PlantResultSchema } from "../gen/flowers/v1/commands_pb.ts";
import {
  type FlowerBloomed,
  FlowerBloomedSchema,
  type FlowerPicked,
  FlowerPickedSchema,
  type FlowerPlanted,
  FlowerPlantedSchema,
} from "../gen/flowers/v1/events_pb.ts";
import { FlowerSchema, type Meadow } from "../gen/flowers/v1/state_pb.ts";
import type { FlowerOptions } from "./options.ts";

/** State of a hex: nothing in it is volatile. */
type State = HexParts<Meadow>;

/** What the residence kit keeps, before anybody has been here too. */
export function residenceOf({ residence }: Meadow): Residence {
  return residence ?? create(ResidenceSchema);
}

export function plant({ durable: meadow }: State, context: DecideContext, options: FlowerOptions) {
  const player = playerOf(residenceOf(meadow), context);
  if (isRefused(player)) return player;
  if (meadow.flowers.length >= options.flowersMax) return refused("bed-full", options.bloomMs);
  const bloomMs = BigInt(context.nowMs + options.bloomMs);
  const planted = event(FlowerPlantedSchema, {
    number: meadow.planted + 1n,
    playerId: player.playerId,
    atMs: BigInt(context.nowMs),
    bloomMs,
    armedVersion: BigInt(context.hexVersion + 1),
  });
  return applied([planted], create(PlantResultSchema, { bloomMs }));
}

export function pick({ durable: meadow }: State, context: DecideContext) {
  const player = playerOf(residenceOf(meadow), context);
  if (isRefused(player)) return player;
  const flower = meadow.flowers.find(({ inBloom }) => inBloom);
  if (flower === undefined) return refused("nothing-in-bloom");
  const { playerId } = player;
  const { number } = flower;
  return applied([event(FlowerPickedSchema, { number, playerId, atMs: BigInt(context.nowMs) })]);
}

/** How each event changes the meadow. */
export const evolveFlowers = {
  "evt.hex.flower-planted": ({ durable, ...rest }: State, event: FlowerPlanted): State => {
    const { number, playerId, bloomMs, armedVersion } = event;
    const flower = create(FlowerSchema, { number, playerId, bloomMs, armedVersion });
    const flowers = [...durable.flowers, flower];
    return { ...rest, durable: { ...durable, flowers, planted: number } };
  },
  "evt.hex.flower-bloomed": ({ durable, ...rest }: State, { number }: FlowerBloomed): State => {
    const flowers = durable.flowers.map((flower) =>
      flower.number === number ? { ...flower, inBloom: true } : flower,
    );
    return { ...rest, durable: { ...durable, flowers } };
  },
  "evt.hex.flower-picked": ({ durable, ...rest }: State, { number }: FlowerPicked): State => {
    const flowers = durable.flowers.filter((flower) => flower.number !== number);
    return { ...rest, durable: { ...durable, flowers } };
  },
};

const timerOf = (number: bigint): string => `bloom:${number}`;

/** A flower that is not in bloom yet has a timer. */
export const bloomTimers: TimerRules<Meadow> = {
  armed: ({ flowers }) =>
    flowers
      .filter(({ inBloom }) => !inBloom)
      .map(({ number, bloomMs, armedVersion }) => ({
        timer: timerOf(number),
        dueMs: Number(bloomMs),
        armedVersion: Number(armedVersion),
      })),
  fire({ flowers }, { timer }) {
    const due = flowers.find(({ number }) => timerOf(number) === timer);
    return due === undefined
      ? refused("not-armed")
      : applied([event(FlowerBloomedSchema, { number: due.number })]);
  },
};
