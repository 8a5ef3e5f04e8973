/** Flowers: plant them, wait until they bloom, pick them. The whole game; docs/games.md explains it line by line. */
import { defineGame, type Game, mint, residenceKit, sample } from "@hexhold/actor";
import { EnterSchema, ObserveSchema, SpawnSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import type { Residence } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import { PlantSchema } from "../gen/flowers/v1/commands_pb.ts";
import { contracts } from "../gen/flowers/v1/contracts.ts";
import { type Meadow, MeadowSchema } from "../gen/flowers/v1/state_pb.ts";
import { bloomTimers, evolveFlowers, pick, plant, residenceOf } from "./flowers.ts";
import { checkOptions } from "./options.ts";

export function createGame(given: unknown): Game {
  const options = checkOptions(given);
  const residence = residenceKit<Meadow, Residence>({
    of: residenceOf,
    with: (meadow, changed) => ({ ...meadow, residence: changed }),
    capacity: () => options.playersMax,
  });
  return defineGame({
    name: "flowers",
    version: "1.0.0",
    contracts: [residence.contracts, contracts],
    durable: MeadowSchema,
    stateFormat: 1,
    commands: {
      ...residence.commands,
      "cmd.hex.plant": (state, _command, context) => plant(state, context, options),
      "cmd.hex.pick": (state, _command, context) => pick(state, context),
    },
    events: { ...residence.events, ...evolveFlowers },
    timers: [residence.timers, bloomTimers],
    readable: ({ durable: { flowers, planted, residence: living } }) => ({
      growing: flowers.filter((flower) => !flower.inBloom).length,
      inBloom: flowers.filter((flower) => flower.inBloom).length,
      planted: Number(planted),
      players: living?.residents.length ?? 0,
      online: living?.residents.filter(({ online }) => online).length ?? 0,
    }),
    ledger: {
      "evt.hex.flower-picked": ({ playerId, atMs }) => ({
        atMs,
        postings: mint(playerId, "flower", 1n),
      }),
    },
    samples: (playerId) => [
      sample(SpawnSchema, { playerId }),
      sample(EnterSchema, {}),
      sample(PlantSchema, {}),
      sample(ObserveSchema, {}),
    ],
  });
}
