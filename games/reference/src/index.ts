/** The reference game: gather and move, besides what the residence kit brings. Pure rules only. */
import type { JsonObject } from "@bufbuild/protobuf";
import { defineGame, type Game, idText, residenceKit } from "@hexhold/actor";
import { contracts } from "@hexhold/gen/hexhold/reference/v1/contracts";
import {
  HexPresenceSchema,
  type HexState,
  HexStateSchema,
  ResourceSchema,
} from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { gather } from "./gather.ts";
import { creditOfGathered } from "./ledger.ts";
import { move } from "./move.ts";
import { checkOptions, populationMax } from "./options.ts";
import { withoutPosition, withPosition } from "./positions.ts";
import type { ReferenceParts } from "./reference-parts.ts";
import { samples } from "./samples.ts";
import { withGathered, withLevel } from "./stock.ts";
import { viewOf } from "./view-of.ts";

/** Makes the game; `options` are those of {@link defaultOptions}, each of which may be left out. */
export function createGame(given: unknown): Game {
  const options = checkOptions(given);
  const { transferQueryMs, transferAnswerKeepHours } = options;
  const residence = residenceKit<HexState, HexState>({
    // Its fields are among those of the state.
    of: (durable) => durable,
    with: (_before, durable) => durable,
    capacity: ({ level }) => populationMax(level, options),
    transferQueryMs,
    transferAnswerKeepHours,
  });
  return defineGame({
    name: "reference",
    version: "1.0.0",
    contracts: [residence.contracts, contracts],
    durable: HexStateSchema,
    volatile: HexPresenceSchema,
    // 2: residents and transits know their session.
    stateFormat: 2,
    commands: {
      ...residence.commands,
      "cmd.hex.move": move,
      "cmd.hex.gather": (state, command, context) => gather(state, command, context, options),
    },
    events: {
      ...residence.events,
      // Observers see who enters in the middle, also one who was here under an older session.
      "evt.hex.player-entered": withoutPosition(residence.events["evt.hex.player-entered"]),
      "evt.hex.player-left": withoutPosition(residence.events["evt.hex.player-left"]),
      "evt.hex.player-departed": withoutPosition(residence.events["evt.hex.player-departed"]),
      "evt.hex.player-moved": withPosition,
      "evt.hex.gathered": withGathered,
      "evt.hex.level-raised": withLevel,
    },
    timers: [residence.timers],
    view: (state, context) => viewOf(state, context, options),
    readable,
    ledger: { "evt.hex.gathered": creditOfGathered },
    samples,
  });
}

function readable({ durable, volatile }: ReferenceParts): JsonObject {
  return {
    level: durable.level,
    xp: durable.xp.toString(),
    owner: durable.owner.length === 0 ? null : idText(durable.owner),
    population: durable.residents.length,
    inTransit: durable.transits.length,
    online: durable.residents.filter((resident) => resident.online).length,
    stocks: durable.stocks.map((stock) => ({
      resource:
        ResourceSchema.value[stock.resource]?.localName.toLowerCase() ?? String(stock.resource),
      amount: stock.amount.toString(),
      asOfMs: stock.asOfMs.toString(),
    })),
    positions: volatile.positions.length,
  };
}

export { samples } from "./samples.ts";
export { defaultOptions, type ReferenceOptions } from "./options.ts";
