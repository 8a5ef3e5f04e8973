/** The reference game: spawn, enter, leave, move, gather, observe, transfer. Pure rules only. */
import { create, type JsonObject, type Message } from "@bufbuild/protobuf";
import type { Aggregate, Game, HexParts } from "@hexhold/actor";
import { file_hexhold_hex_v1_commands } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { file_hexhold_hex_v1_events } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import {
  HexPresenceSchema,
  type HexState,
  HexStateSchema,
  ResourceSchema,
} from "@hexhold/gen/hexhold/hex/v1/state_pb";
import { file_hexhold_hex_v1_transfer } from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { decide } from "./decide.ts";
import { evolve, type ReferenceParts } from "./evolve.ts";
import { checkOptions } from "./options.ts";
import { samples } from "./samples.ts";
import { idText } from "./sorted-ids.ts";
import { timersOf } from "./transfer/transfer-timers.ts";

/** Makes the game; `options` are those of {@link defaultOptions}, each of which may be left out. */
export function createGame(options: unknown): Game {
  const checked = checkOptions(options);
  const parts = (state: HexParts<Message, Message>): ReferenceParts => state as ReferenceParts;
  const hex: Aggregate = {
    durableSchema: HexStateSchema,
    volatileSchema: HexPresenceSchema,
    // 2: residents and transits know their session.
    stateFormat: 2,
    initialState: () => ({ durable: create(HexStateSchema), volatile: create(HexPresenceSchema) }),
    decide: (state, command, context) => decide(parts(state), command, context, checked),
    evolve: (state, event) => evolve(parts(state), event),
    timers: (durable) => timersOf(durable as HexState),
    readable: (state) => readable(parts(state)),
  };
  return {
    name: "reference",
    version: "1.0.0",
    worldFormat: 1,
    descriptors: [
      file_hexhold_hex_v1_commands,
      file_hexhold_hex_v1_events,
      file_hexhold_hex_v1_transfer,
    ],
    hex,
    samples,
  };
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
