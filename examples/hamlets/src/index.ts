/** Hamlets: what players do for a hex is their weight in the election of its owner. The whole game. */
import { defineGame, type Game, residenceKit } from "@hexhold/actor";
import type { Residence } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import { contracts as ownership } from "@hexhold/gen/hexhold/ownership/v1/contracts";
import { contracts } from "../gen/hamlets/v1/contracts.ts";
import { type Hamlet, HamletSchema } from "../gen/hamlets/v1/hamlets_pb.ts";
import { evolveHamlet, layStones, nameHamlet, residenceOf, setOwner } from "./hamlets.ts";

const playersMax = 32;

export function createGame(): Game {
  const residence = residenceKit<Hamlet, Residence>({
    of: residenceOf,
    with: (hamlet, changed) => ({ ...hamlet, residence: changed }),
    capacity: () => playersMax,
  });
  return defineGame({
    name: "hamlets",
    version: "1.0.0",
    contracts: [residence.contracts, ownership, contracts],
    durable: HamletSchema,
    stateFormat: 1,
    commands: {
      ...residence.commands,
      "cmd.hex.lay-stones": layStones,
      "cmd.hex.name-hamlet": nameHamlet,
      "cmd.hex.set-owner": setOwner,
    },
    events: { ...residence.events, ...evolveHamlet },
    timers: [residence.timers],
    readable: ({ durable }) => ({
      name: durable.name,
      stones: Number(durable.stones),
      owners: Number(durable.owner?.number ?? 0),
      players: residenceOf(durable).residents.length,
    }),
    standing: {
      "evt.hex.stones-laid": ({ playerId: accountId, stones, atMs }) => [
        { accountId, value: BigInt(stones), atMs },
      ],
    },
  });
}
