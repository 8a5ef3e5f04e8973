/** What events are worth to the ledger: who is credited with what. */
import { type LedgerEntry, mint, mintFor } from "@hexhold/actor";
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
  const shares = [
    { accountId: playerId, amount: amount - ownerAmount },
    { accountId: owner, amount: ownerAmount },
  ];
  // Who is taxed may get nothing, and who is not has no owner.
  const got = ownerAmount > 0n ? shares.filter((share) => share.amount !== 0n) : shares.slice(0, 1);
  return { atMs, postings: mintFor(assetOf(resource), got) };
}

/** The reward, in coin. */
export function creditOfContributed({ accountId, coin: reward, atMs }: Contributed): LedgerEntry {
  return { atMs, postings: reward === 0n ? [] : mint(accountId, coin, reward) };
}

/** The rewards of all who brought something. */
export function creditOfStarted({ contributors, atMs }: SiteStarted): LedgerEntry {
  const paid = contributors
    .filter((contributor) => contributor.coin > 0n)
    .map(({ accountId, coin: amount }) => ({ accountId, amount }));
  return { atMs, postings: mintFor(coin, paid) };
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
