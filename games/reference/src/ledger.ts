/** What events are worth to the ledger: who is credited with what. */
import { type LedgerEntry, mint } from "@hexhold/actor";
import type {
  Contributed,
  Contributor,
  Gathered,
  SiteFinished,
  SiteStarted,
} from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { assetOf } from "./formulas.ts";
import { siteNames } from "./options.ts";

/** What everything is paid in. */
const coin = "coin";

/**
 * What was gathered is minted: the owner's share for the owner, the rest for the player. Throws on a player or an
 * amount that is none, and on a resource that this version does not know: services are rolled out before the workers
 * that use what is new.
 */
export function creditOfGathered(gathered: Gathered): LedgerEntry {
  const { playerId, resource, amount, owner, ownerAmount, atMs } = gathered;
  const asset = assetOf(resource);
  const rest = amount - ownerAmount;
  return {
    atMs,
    postings: [
      // Only a tax can leave nothing to the player.
      ...(rest === 0n && ownerAmount > 0n ? [] : mint(playerId, asset, rest)),
      ...(ownerAmount === 0n ? [] : mint(owner, asset, ownerAmount)),
    ],
  };
}

/** The reward, in coin. */
export function creditOfContributed({ accountId, coin: reward, atMs }: Contributed): LedgerEntry {
  return { atMs, postings: reward === 0n ? [] : mint(accountId, coin, reward) };
}

/** The rewards of all who brought something. */
export function creditOfStarted({ contributors, atMs }: SiteStarted): LedgerEntry {
  const paid = contributors.filter((contributor) => contributor.coin > 0n);
  return {
    atMs,
    postings: paid.flatMap((contributor) => mint(contributor.accountId, coin, contributor.coin)),
  };
}

/** A plaque for whoever has brought most; of several, for the one whose id comes first. */
export function creditOfFinished(finished: SiteFinished): LedgerEntry {
  const { contributors, kind, hex, plaqueId, atMs } = finished;
  const greatest = contributors.reduce<Contributor | undefined>(
    (most, next) => (most === undefined || next.value > most.value ? next : most),
    undefined,
  );
  if (greatest === undefined) return { atMs, postings: [] };
  const attributes = new TextEncoder().encode(
    JSON.stringify({ hex, building: siteNames[kind - 1] ?? String(kind), atMs: String(atMs) }),
  );
  const { accountId } = greatest;
  return {
    atMs,
    postings: [],
    items: [{ itemId: plaqueId, kind: "plaque", accountId, attributes }],
  };
}
