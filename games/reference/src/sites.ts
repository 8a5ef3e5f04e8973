/**
 * Building sites: planned → (supplied…) → started → finished, or given up before it is started. A hex has one at a time.
 * Up to the start all that was brought can come back; from then on nothing does.
 */
import { create } from "@bufbuild/protobuf";
import {
  applied,
  compareIds,
  type DecideContext,
  event,
  idText,
  isRefused,
  mintId,
  playerOf,
  refused,
  type TimerRules,
} from "@hexhold/actor";
import { PlanSiteResultSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import {
  type SiteFinished,
  SiteFinishedSchema,
  SiteGivenUpSchema,
  type SitePlanned,
  SitePlannedSchema,
} from "@hexhold/gen/hexhold/reference/v1/events_pb";
import {
  BuildingSchema,
  type HexState,
  type SiteKind,
  SiteNeedSchema,
  SiteSchema,
} from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { keyText } from "@hexhold/hex";
import {
  allBuildings,
  assetOf,
  buildingsMax,
  buildingsOf,
  growthOf,
  landFormat,
  siteTerms,
} from "./formulas.ts";
import type { ReferenceOptions } from "./options.ts";
import { ownerAt } from "./owner.ts";
import type { ReferenceParts, ReferenceRule } from "./reference-parts.ts";
import { stocksAt, withStock } from "./stock.ts";
import type { ReferenceTakes } from "./contribute.ts";
import { contributorsOf } from "./supply-site.ts";

/** The owner plans. A hex that nobody owns takes its first site from any resident, for somebody has to begin. */
export const planSiteWith =
  (options: ReferenceOptions): ReferenceRule<"cmd.hex.plan-site"> =>
  ({ durable }, { kind }, context) => {
    if (context.worldFormat < landFormat) return refused("not-yet");
    const player = playerOf(durable, context);
    if (isRefused(player)) return player;
    const owner = ownerAt(durable, context.nowMs);
    const built = allBuildings(durable);
    const mayPlan = owner === undefined ? built === 0 : compareIds(owner, player.playerId) === 0;
    if (!mayPlan) return refused("not-owner");
    if (durable.site !== undefined) return refused("site-open");
    const { levelMin, needs, buildMs } = siteTerms(durable, kind, options);
    if (durable.level < levelMin) return refused("level-too-low");
    if (built >= buildingsMax(durable.level, options)) return refused("no-room");
    const planned = event(SitePlannedSchema, {
      siteId: mintId(context),
      kind,
      plannedBy: player.playerId,
      needs: needs.map((need) => create(SiteNeedSchema, need)),
      buildMs: BigInt(buildMs),
      atMs: BigInt(context.nowMs),
    });
    const { siteId } = planned.message;
    const result = create(PlanSiteResultSchema, {
      siteId,
      needs: planned.message.needs,
      buildMs: planned.message.buildMs,
    });
    return applied([planned], result);
  };

/** What was counted is owed back to whoever brought it, in exact sums; what comes later follows when it comes. */
export const giveUpSiteWith =
  (takes: Pick<ReferenceTakes, "giveBack">): ReferenceRule<"cmd.hex.give-up-site"> =>
  ({ durable }, { siteId }, context) => {
    if (context.worldFormat < landFormat) return refused("not-yet");
    const player = playerOf(durable, context);
    if (isRefused(player)) return player;
    const { site } = durable;
    if (site === undefined || compareIds(site.siteId, siteId) !== 0) return refused("unknown-site");
    const owner = ownerAt(durable, context.nowMs);
    const mayGiveUp = [owner, site.plannedBy].some(
      (id) => id !== undefined && compareIds(id, player.playerId) === 0,
    );
    if (!mayGiveUp) return refused("not-owner");
    if (site.startedMs !== 0n) return refused("building");
    const givenUp = event(SiteGivenUpSchema, {
      siteId,
      accountId: player.playerId,
      atMs: BigInt(context.nowMs),
    });
    if (site.shares.length === 0) return applied([givenUp]);
    const goods = site.shares.map(({ accountId, resource, amount }) => ({
      accountId,
      asset: assetOf(resource),
      amount,
    }));
    const back = takes.giveBack(siteId, goods, context);
    return applied([givenUp, back.event], undefined, back.messages);
  };

const timerOf = (siteId: Uint8Array): string => `site:${idText(siteId)}`;

/** A site that has started has a timer, at which it is finished. */
export function siteTimers(options: ReferenceOptions): TimerRules<HexState> {
  return {
    armed: ({ site }) =>
      site === undefined || site.startedMs === 0n
        ? []
        : [
            {
              timer: timerOf(site.siteId),
              dueMs: Number(site.dueMs),
              armedVersion: Number(site.armedVersion),
            },
          ],
    fire: (state, _command, context) => finishSite(state, context, options),
  };
}

function finishSite(state: HexState, context: DecideContext, options: ReferenceOptions) {
  const { site, stocks } = state;
  if (site === undefined) return refused("not-armed");
  const finished = event(SiteFinishedSchema, {
    siteId: site.siteId,
    kind: site.kind,
    contributors: contributorsOf(site, options),
    // Up to now they grew without it.
    stocks: stocksAt(stocks, context.nowMs, growthOf(state, context, options)),
    plaqueId: mintId(context),
    atMs: BigInt(context.nowMs),
    hex: keyText(context.key),
  });
  return applied([finished]);
}

export function withPlanned(
  { durable, volatile }: ReferenceParts,
  planned: SitePlanned,
): ReferenceParts {
  const { siteId, kind, plannedBy, needs, buildMs, atMs } = planned;
  const site = create(SiteSchema, { siteId, kind, plannedBy, plannedMs: atMs, needs, buildMs });
  return { durable: { ...durable, site }, volatile };
}

export function withoutSite({ durable, volatile }: ReferenceParts): ReferenceParts {
  const { site: _gone, ...rest } = durable;
  return { durable: rest, volatile };
}

export function withFinished(state: ReferenceParts, finished: SiteFinished): ReferenceParts {
  const { durable, volatile } = withoutSite(state);
  const stocks = finished.stocks.reduce(withStock, durable.stocks);
  return { durable: { ...withBuilding(durable, finished.kind), stocks }, volatile };
}

function withBuilding(durable: HexState, kind: SiteKind): HexState {
  const building = create(BuildingSchema, { kind, count: buildingsOf(durable, kind) + 1 });
  const others = durable.buildings.filter((item) => item.kind !== kind);
  return { ...durable, buildings: [...others, building].toSorted((a, b) => a.kind - b.kind) };
}
