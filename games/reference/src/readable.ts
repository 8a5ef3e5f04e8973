import type { JsonObject } from "@bufbuild/protobuf";
import { idText } from "@hexhold/actor";
import type { Site, Tax } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { resourceNames, siteNames } from "./options.ts";
import type { ReferenceParts } from "./reference-parts.ts";

/** The readable document of a hex. */
export function readable({ durable, volatile }: ReferenceParts): JsonObject {
  const { owner, tenure, site, tax } = durable;
  return {
    level: durable.level,
    xp: durable.xp.toString(),
    owner: owner.length === 0 ? null : idText(owner),
    ...(tenure === undefined ? {} : { ownerUntilMs: tenure.untilMs.toString() }),
    population: durable.residents.length,
    inTransit: durable.transits.length,
    online: durable.residents.filter((resident) => resident.online).length,
    stocks: durable.stocks.map((stock) => ({
      resource: resourceNames[stock.resource - 1] ?? String(stock.resource),
      amount: stock.amount.toString(),
      asOfMs: stock.asOfMs.toString(),
    })),
    ...(tax === undefined ? {} : { tax: readableTax(tax) }),
    buildings: Object.fromEntries(
      durable.buildings.map(({ kind, count }) => [siteNames[kind - 1] ?? String(kind), count]),
    ),
    site: site === undefined ? null : readableSite(site),
    pending: durable.pending.map(({ takeId, accountId, asset, amount, askedMs, queried }) => ({
      takeId: idText(takeId),
      accountId: idText(accountId),
      asset,
      amount: amount.toString(),
      askedMs: askedMs.toString(),
      queried,
    })),
    positions: volatile.positions.length,
  };
}

function readableTax({ ratePerMille, nextRatePerMille, nextFromMs }: Tax): JsonObject {
  return { ratePerMille, nextRatePerMille, nextFromMs: nextFromMs.toString() };
}

function readableSite({ siteId, kind, needs, shares, startedMs, dueMs }: Site): JsonObject {
  return {
    siteId: idText(siteId),
    kind: siteNames[kind - 1] ?? String(kind),
    needs: needs.map(({ resource, need, got }) => ({
      resource: resourceNames[resource - 1] ?? String(resource),
      need: need.toString(),
      got: got.toString(),
    })),
    shares: shares.length,
    ...(startedMs === 0n ? {} : { startedMs: startedMs.toString(), dueMs: dueMs.toString() }),
  };
}
