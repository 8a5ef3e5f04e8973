import { create } from "@bufbuild/protobuf";
import { type DecideContext, findById } from "@hexhold/actor";
import {
  CapacitySchema,
  type HexView,
  HexViewSchema,
  SeenPlayerSchema,
} from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { biomeOf, buildingsMax, growthOf, landFormat, populationMax } from "./formulas.ts";
import type { ReferenceOptions } from "./options.ts";
import type { ReferenceParts } from "./reference-parts.ts";
import { stocksAt } from "./stock.ts";

/** What observers see of a hex. */
export function viewOf(
  { durable, volatile }: ReferenceParts,
  context: DecideContext,
  options: ReferenceOptions,
): HexView {
  const { nowMs, worldFormat } = context;
  const growth = growthOf(durable, context, options);
  const land =
    worldFormat < landFormat
      ? {}
      : {
          capacities: growth.resources.map((resource) =>
            create(CapacitySchema, { resource, amount: growth.capacityOf(resource) }),
          ),
          buildingsMax: buildingsMax(durable.level, options),
          biome: biomeOf(context.key),
        };
  const { site, tax } = durable;
  return create(HexViewSchema, {
    level: durable.level,
    xp: durable.xp,
    owner: durable.owner,
    ownerUntilMs: durable.tenure?.untilMs ?? 0n,
    stocks: stocksAt(durable.stocks, nowMs, growth),
    players: durable.residents
      .filter((resident) => resident.online)
      .map(({ playerId }) => {
        const at = findById(volatile.positions, playerId, (position) => position.playerId);
        const { x = 0, y = 0 } = volatile.positions[at] ?? {};
        return create(SeenPlayerSchema, { playerId, x, y });
      }),
    population: durable.residents.length,
    populationMax: populationMax(durable, options),
    nowMs: BigInt(nowMs),
    stockCapacity: BigInt(options.stockCapacity),
    regrowthMs: BigInt(growth.regrowthMs),
    pending: durable.pending,
    buildings: durable.buildings,
    ...land,
    ...(site === undefined ? {} : { site }),
    ...(tax === undefined ? {} : { tax }),
  });
}
