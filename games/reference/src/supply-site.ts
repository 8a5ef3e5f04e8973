/** Goods that have come for a site, and the site's start when nothing is missing any more. */
import { compareIds, type DecideContext, type DecidedEvent, event } from "@hexhold/actor";
import { create } from "@bufbuild/protobuf";
import {
  type Contributor,
  ContributorSchema,
  GoodsSchema,
  type SiteStarted,
  SiteStartedSchema,
  type SiteSupplied,
  SiteSuppliedSchema,
} from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { type Share, ShareSchema, type Site } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import type { PendingTake } from "@hexhold/gen/hexhold/takes/v1/takes_pb";
import { resourceOf, valueOf } from "./formulas.ts";
import { levelRaised } from "./level.ts";
import type { ReferenceOptions } from "./options.ts";
import type { ReferenceEvent, ReferenceParts } from "./reference-parts.ts";

/**
 * Counts goods for the open site; undefined when it is gone. Room was kept for them, so they fit. `offset` is the
 * number of the commit's events before these.
 */
export function supplySite(
  state: ReferenceParts,
  { takeId, accountId, asset, amount, siteId }: PendingTake,
  context: DecideContext,
  options: ReferenceOptions,
  offset: number,
): readonly DecidedEvent<ReferenceEvent>[] | undefined {
  const open = state.durable.site;
  if (open === undefined || compareIds(open.siteId, siteId) !== 0) return undefined;
  if (open.startedMs !== 0n) return undefined;
  const atMs = BigInt(context.nowMs);
  const resource = resourceOf(asset);
  const goods = { contributionId: takeId, siteId, accountId, resource, amount, atMs };
  const supplied = event(SiteSuppliedSchema, goods);
  const after = withSupplied(state, supplied.message);
  const site = after.durable.site!;
  if (site.needs.some(({ need, got }) => got < need)) return [supplied];
  const contributors = contributorsOf(site, options);
  const value = contributors.reduce((sum, contributor) => sum + contributor.value, 0n);
  const started = event(SiteStartedSchema, {
    siteId,
    kind: site.kind,
    contributors,
    xp: value * BigInt(options.xpPerValue),
    atMs,
    dueMs: atMs + site.buildMs,
    armedVersion: BigInt(context.hexVersion + offset + 2),
  });
  const risen = withStarted(after, started.message).durable;
  return [supplied, started, ...levelRaised(risen, context, options)];
}

/** What each account has done for a site; in the order of the accounts. */
export function contributorsOf(site: Site, options: ReferenceOptions): Contributor[] {
  const accounts = Map.groupBy(site.shares, ({ accountId }) => String(accountId));
  return [...accounts.values()].map((shares) => {
    const value = shares.reduce(
      (sum, { resource, amount }) => sum + valueOf(resource, amount, options),
      0n,
    );
    return create(ContributorSchema, {
      accountId: shares[0]!.accountId,
      value,
      coin: value * BigInt(options.coinPerValue),
      brought: shares.map(({ resource, amount }) => create(GoodsSchema, { resource, amount })),
    });
  });
}

export function withSupplied(
  { durable, volatile }: ReferenceParts,
  { accountId, resource, amount }: SiteSupplied,
): ReferenceParts {
  const site = durable.site!;
  const needs = site.needs.map((need) =>
    need.resource === resource ? { ...need, got: need.got + amount } : need,
  );
  const shares = withShare(site.shares, create(ShareSchema, { accountId, resource, amount }));
  return { durable: { ...durable, site: { ...site, needs, shares } }, volatile };
}

/** The shares with one more, added to what its account has brought of the resource. */
function withShare(shares: Share[], share: Share): Share[] {
  const at = shares.findIndex((item) => compareShares(item, share) >= 0);
  if (at < 0) return [...shares, share];
  const there = shares[at]!;
  return compareShares(there, share) === 0
    ? shares.with(at, { ...there, amount: there.amount + share.amount })
    : shares.toSpliced(at, 0, share);
}

function compareShares(a: Share, b: Share): number {
  return compareIds(a.accountId, b.accountId) || a.resource - b.resource;
}

export function withStarted(
  { durable, volatile }: ReferenceParts,
  { xp, atMs, dueMs, armedVersion }: SiteStarted,
): ReferenceParts {
  const site = { ...durable.site!, startedMs: atMs, dueMs, armedVersion };
  return { durable: { ...durable, xp: durable.xp + xp, site }, volatile };
}
