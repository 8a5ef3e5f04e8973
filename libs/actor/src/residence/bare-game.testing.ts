/** The residence kit as a whole game: people come, go and walk, and nothing else. */
import { type Residence, ResidenceSchema } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import type { Key } from "@hexhold/hex";
import { defineGame } from "../define-game.ts";
import type { Game } from "../game.ts";
import { givenHex, type TestHex } from "../testing/given-hex.ts";
import { residenceKit } from "./residence-kit.ts";

export interface BareOptions {
  readonly capacity?: number;
  readonly transferAnswerKeepHours?: number;
}

export type BareHex = TestHex<Residence>;

export function bareGame({ capacity = 32, ...options }: BareOptions = {}): Game {
  const residence = residenceKit<Residence, Residence>({
    of: (durable) => durable,
    with: (_before, durable) => durable,
    capacity: () => capacity,
    ...options,
  });
  return defineGame({
    name: "bare",
    version: "1.0.0",
    contracts: [residence.contracts],
    durable: ResidenceSchema,
    stateFormat: 1,
    commands: residence.commands,
    events: residence.events,
    timers: [residence.timers],
    readable: ({ durable }) => ({ residents: durable.residents.length }),
  });
}

export function givenBareHex(key?: Key, options?: BareOptions): BareHex {
  return givenHex<Residence>(bareGame(options), key);
}
