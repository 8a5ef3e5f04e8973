/**
 * The residence kit as a whole game, without a view of its own: people come, go and walk, and nothing else. For the
 * tests of what clients do in a world whose game they do not know.
 */
import { defineGame, type Game, residenceKit } from "@hexhold/actor";
import { type Residence, ResidenceSchema } from "@hexhold/gen/hexhold/hex/v1/state_pb";

/** A name and a value that a page must not take for markup. */
export const markup = { name: "<b>motto</b>", value: "<img src=x onerror=alert(1)>" } as const;

export function createGame(): Game {
  const residence = residenceKit<Residence, Residence>({
    of: (durable) => durable,
    with: (_before, durable) => durable,
    capacity: () => 32,
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
    readable: ({ durable: { residents } }) => ({
      people: { living: residents.length, online: residents.filter(({ online }) => online).length },
      [markup.name]: markup.value,
    }),
  });
}
