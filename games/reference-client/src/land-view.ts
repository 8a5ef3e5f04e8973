/** What events of land, contributions and owners change in a view. Pure. */
import { create, fromBinary, type Message, toJsonString } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { compareBytes, type SeenEvent } from "@hexhold/client";
import { OwnerChangedSchema } from "@hexhold/gen/hexhold/ownership/v1/ownership_pb";
import type { HexView } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import {
  ContributedSchema,
  SitePlannedSchema,
  SiteStartedSchema,
  type SiteSupplied,
  SiteSuppliedSchema,
  TaxSetSchema,
} from "@hexhold/gen/hexhold/reference/v1/events_pb";
import {
  type Share,
  ShareSchema,
  type Site,
  SiteSchema,
  type Tax,
  TaxSchema,
} from "@hexhold/gen/hexhold/reference/v1/state_pb";
import {
  PendingTakeSchema,
  TakeAskedSchema,
  TakeEndedSchema,
  TakeQueriedSchema,
} from "@hexhold/gen/hexhold/takes/v1/takes_pb";

/**
 * The view after an event; undefined when only a full state tells: a building changes capacities and pace. Events of
 * other types are not known here: `"other"`.
 */
export function applyLandEvent(view: HexView, event: SeenEvent): HexView | "other" | undefined {
  const read = <T extends Message>(schema: GenMessage<T>): T => fromBinary(schema, event.payload);
  switch (event.type) {
    case "evt.hex.take-asked": {
      const { atMs: askedMs, $typeName: _name, ...asked } = read(TakeAskedSchema);
      const take = create(PendingTakeSchema, { ...asked, askedMs });
      const pending = [...view.pending, take];
      return { ...view, pending: pending.toSorted((a, b) => compareBytes(a.takeId, b.takeId)) };
    }
    case "evt.hex.take-queried": {
      const { takeId, dueMs, armedVersion } = read(TakeQueriedSchema);
      const pending = view.pending.map((take) =>
        compareBytes(take.takeId, takeId) === 0
          ? { ...take, dueMs, armedVersion, queried: take.queried + 1 }
          : take,
      );
      return { ...view, pending };
    }
    case "evt.hex.take-ended": {
      const { takeId } = read(TakeEndedSchema);
      return {
        ...view,
        pending: view.pending.filter((take) => compareBytes(take.takeId, takeId) !== 0),
      };
    }
    case "evt.hex.contributed":
      return { ...view, xp: view.xp + read(ContributedSchema).xp };
    case "evt.hex.site-planned": {
      const { siteId, kind, plannedBy, needs, buildMs, atMs: plannedMs } = read(SitePlannedSchema);
      const site = create(SiteSchema, { siteId, kind, plannedBy, needs, buildMs, plannedMs });
      return { ...view, site };
    }
    case "evt.hex.site-supplied":
      if (view.site === undefined) return undefined;
      return { ...view, site: supplied(view.site, read(SiteSuppliedSchema)) };
    case "evt.hex.site-started": {
      if (view.site === undefined) return undefined;
      const { xp, atMs: startedMs, dueMs, armedVersion } = read(SiteStartedSchema);
      return { ...view, xp: view.xp + xp, site: { ...view.site, startedMs, dueMs, armedVersion } };
    }
    case "evt.hex.site-given-up": {
      const { site: _gone, ...rest } = view;
      return rest;
    }
    case "evt.hex.goods-returned":
      return view;
    case "evt.hex.site-finished":
      return undefined;
    case "evt.hex.tax-set": {
      const set = read(TaxSetSchema);
      const tax = create(TaxSchema, {
        ratePerMille: set.rateBeforePerMille,
        nextRatePerMille: set.ratePerMille,
        nextFromMs: set.fromMs,
      });
      return { ...view, tax };
    }
    case "evt.hex.owner-changed": {
      const { owner, untilMs: ownerUntilMs } = read(OwnerChangedSchema);
      const stays = compareBytes(owner, view.owner) === 0;
      const { tax, ...untaxed } = view;
      return stays || tax === undefined
        ? { ...view, owner, ownerUntilMs }
        : { ...untaxed, owner, ownerUntilMs, tax: create(TaxSchema) };
    }
    default:
      return "other";
  }
}

function supplied(site: Site, { accountId, resource, amount }: SiteSupplied): Site {
  const needs = site.needs.map((need) =>
    need.resource === resource ? { ...need, got: need.got + amount } : need,
  );
  const isIts = (share: Share): boolean =>
    share.resource === resource && compareBytes(share.accountId, accountId) === 0;
  const before = site.shares.find(isIts)?.amount ?? 0n;
  const share = create(ShareSchema, { accountId, resource, amount: before + amount });
  const shares = [...site.shares.filter((item) => !isIts(item)), share];
  return {
    ...site,
    needs,
    shares: shares.toSorted(
      (a, b) => compareBytes(a.accountId, b.accountId) || a.resource - b.resource,
    ),
  };
}

/** Who owns the hex at `nowMs` of server time; undefined: nobody. */
export function ownerAt(view: HexView, nowMs: number): Uint8Array | undefined {
  return view.owner.length > 0 && nowMs < Number(view.ownerUntilMs) ? view.owner : undefined;
}

/** The tax in force at `nowMs` of server time, in thousandths. */
export function taxRateAt(view: HexView, nowMs: number): number {
  const { tax } = view;
  if (tax === undefined || ownerAt(view, nowMs) === undefined) return 0;
  return nowMs < Number(tax.nextFromMs) ? tax.ratePerMille : tax.nextRatePerMille;
}

/** What a site still takes of a resource: what others are bringing has its room already. */
export function roomAt(view: HexView, need: Site["needs"][number], asset: string): bigint {
  const { site } = view;
  if (site === undefined) return 0n;
  const coming = view.pending
    .filter((take) => take.asset === asset && compareBytes(take.siteId, site.siteId) === 0)
    .reduce((sum, { amount }) => sum + amount, 0n);
  return need.need - need.got - coming;
}

/** What two views of one moment have in common, as text: all but what is carried of a tax, which is in no view's event. */
export function landText({ owner, ownerUntilMs, site, tax, pending, buildings }: HexView): string {
  const withoutCarry: Tax | undefined = tax === undefined ? undefined : { ...tax, carries: [] };
  return JSON.stringify([
    [...owner],
    ownerUntilMs.toString(),
    site === undefined ? "" : toJsonString(SiteSchema, site),
    withoutCarry === undefined ? "" : toJsonString(TaxSchema, withoutCarry),
    pending.map((take) => toJsonString(PendingTakeSchema, take)),
    buildings.map(({ kind, count }) => [kind, count]),
  ]);
}
