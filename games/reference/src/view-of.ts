import { create } from "@bufbuild/protobuf";
import { type DecideContext, findById } from "@hexhold/actor";
import {
  type HexView,
  HexViewSchema,
  SeenPlayerSchema,
} from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import type { ReferenceOptions } from "./options.ts";
import type { ReferenceParts } from "./reference-parts.ts";
import { regrowthMs, stocksAt } from "./stock.ts";

/** What observers see of a hex. */
export function viewOf(
  { durable, volatile }: ReferenceParts,
  { nowMs }: DecideContext,
  options: ReferenceOptions,
): HexView {
  return create(HexViewSchema, {
    level: durable.level,
    xp: durable.xp,
    owner: durable.owner,
    stocks: stocksAt(durable, nowMs, options),
    players: durable.residents
      .filter((resident) => resident.online)
      .map(({ playerId }) => {
        const at = findById(volatile.positions, playerId, (position) => position.playerId);
        const { x = 0, y = 0 } = volatile.positions[at] ?? {};
        return create(SeenPlayerSchema, { playerId, x, y });
      }),
    population: durable.residents.length,
    nowMs: BigInt(nowMs),
    stockCapacity: BigInt(options.stockCapacity),
    regrowthMs: BigInt(regrowthMs(durable.level, options)),
  });
}
