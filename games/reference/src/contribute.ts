/** Goods that players give to a hex, or to its open site: asked for from the inventory, and counted when it has them. */
import { create } from "@bufbuild/protobuf";
import {
  applied,
  compareIds,
  type DecideContext,
  type DecidedEvent,
  event,
  isRefused,
  playerOf,
  refused,
  takesKit,
} from "@hexhold/actor";
import {
  type Contribute,
  ContributeResultSchema,
} from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { type Contributed, ContributedSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import type { HexPresence, HexState } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import type { PendingTake } from "@hexhold/gen/hexhold/takes/v1/takes_pb";
import { assetOf, landFormat, resourceOf, valueOf } from "./formulas.ts";
import { levelRaised } from "./level.ts";
import type { ReferenceOptions } from "./options.ts";
import type { ReferenceEvent, ReferenceParts, ReferenceRule } from "./reference-parts.ts";
import { supplySite } from "./supply-site.ts";

/** Accounts that bring something to one site. */
const contributorsMax = 64;
/** Contributions without an answer, of a hex and of one player. */
const pendingMax = 64;
const pendingOfPlayerMax = 4;
/** In health an answer takes a moment. */
const pendingRetryMs = 1000;

export type ReferenceTakes = ReturnType<typeof createTakes>;

/** The takes kit with what this game makes of goods. */
export function createTakes(options: ReferenceOptions) {
  return takesKit<HexState, HexPresence, ReferenceEvent>({
    // Its field is among those of the state.
    of: (durable) => durable,
    with: (durable, { pending }) => ({ ...durable, pending }),
    count: (state, take, context, offset) =>
      take.siteId.length === 0
        ? contributed(state, take, context, options)
        : supplySite(state, take, context, options, offset),
    takeQueryMs: options.takeQueryMs,
  });
}

export const contributeWith =
  (takes: ReferenceTakes): ReferenceRule<"cmd.hex.contribute"> =>
  ({ durable }, command, context) => {
    if (context.worldFormat < landFormat) return refused("not-yet");
    const player = playerOf(durable, context);
    if (isRefused(player)) return player;
    const accountId = player.playerId;
    const { resource, amount, siteId } = command;
    if (siteId.length > 0) {
      const fault = siteFault(durable, accountId, command);
      if (fault !== undefined) return refused(fault);
    }
    const own = durable.pending.filter((take) => compareIds(take.accountId, accountId) === 0);
    if (own.length >= pendingOfPlayerMax || durable.pending.length >= pendingMax) {
      return refused("too-many-pending", pendingRetryMs);
    }
    const asset = assetOf(resource);
    const asked = takes.ask({ accountId, asset, amount, siteId }, context);
    const contributionId = asked.event.message.takeId;
    return applied([asked.event], create(ContributeResultSchema, { contributionId }), [
      asked.message,
    ]);
  };

/** Why a site does not take what is brought. Room is kept for all that is asked for. */
function siteFault(
  { site, pending }: HexState,
  accountId: Uint8Array,
  { resource, amount, siteId }: Contribute,
) {
  if (site === undefined || compareIds(site.siteId, siteId) !== 0) return "unknown-site";
  const needed = site.needs.find((need) => need.resource === resource);
  if (needed === undefined) return "not-needed";
  const coming = pending.filter((take) => compareIds(take.siteId, siteId) === 0);
  const asset = assetOf(resource);
  const reserved = coming.reduce(
    (sum, take) => sum + (take.asset === asset ? take.amount : 0n),
    0n,
  );
  if (needed.got + reserved + amount > needed.need) return "site-full";
  const accounts = [...site.shares, ...coming].map((item) => item.accountId);
  const isOneOfThem = accounts.some((id) => compareIds(id, accountId) === 0);
  if (!isOneOfThem && differentIds(accounts) >= contributorsMax) return "too-many-contributors";
  return undefined;
}

function differentIds(ids: readonly Uint8Array[]): number {
  const sorted = ids.toSorted(compareIds);
  return sorted.filter((id, at) => at === 0 || compareIds(id, sorted[at - 1]!) !== 0).length;
}

/** Goods for the hex itself: its player is paid, and it learns. */
function contributed(
  state: ReferenceParts,
  { takeId, accountId, asset, amount }: PendingTake,
  context: DecideContext,
  options: ReferenceOptions,
): readonly DecidedEvent<ReferenceEvent>[] {
  const resource = resourceOf(asset);
  const value = valueOf(resource, amount, options);
  const given = event(ContributedSchema, {
    contributionId: takeId,
    accountId,
    resource,
    amount,
    value,
    coin: value * BigInt(options.coinPerValue),
    xp: value * BigInt(options.xpPerValue),
    atMs: BigInt(context.nowMs),
  });
  const after = withContributed(state, given.message).durable;
  return [given, ...levelRaised(after, context, options)];
}

export function withContributed(
  { durable, volatile }: ReferenceParts,
  { xp }: Contributed,
): ReferenceParts {
  return { durable: { ...durable, xp: durable.xp + xp }, volatile };
}
