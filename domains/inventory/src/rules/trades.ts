/** Trade between two players. Pure: an offer says for good what it says, and the first who ends it, ends it. */
import { bytesText } from "@hexhold/messaging";
import { holdOf, isAssetName, playerOf } from "./ledger-account.ts";
import type { LedgerRows, Offer, OfferEnd, OfferLine, PostingTo } from "./ledger-rows.ts";

/** Why goods are not there to be given; undefined: they are. */
type Lack = "insufficient" | "item-not-yours" | "item-held" | undefined;

export type OfferRefusal = "insufficient" | "item-not-yours" | "item-held";

/** Keeps an offer, and holds what it gives; or says why not. `service` is this one, which holds it. */
export function decideOffer(
  rows: LedgerRows,
  offer: Offer,
  service: string,
): OfferRefusal | undefined {
  const lack = lackOf(rows, offer.from, offer.give);
  if (lack !== undefined) return lack;
  const { offerId, from, madeMs: atMs } = offer;
  const amounts = amountsOf(offer.give);
  if (amounts.length > 0) {
    rows.post(
      { transactionId: offerId, kind: "offer", atMs },
      amounts.flatMap(({ asset, amount }) => [
        { account: playerOf(from, asset), amount: -amount },
        { account: holdOf(from, asset), amount },
      ]),
    );
  }
  for (const { asset, amount, holdId } of amounts) {
    rows.addHold({
      holdId: holdId!,
      service,
      account: from,
      asset,
      amount,
      fee: 0n,
      remaining: amount,
      state: "held",
      reason: "",
      atMs,
    });
  }
  for (const itemId of itemsOf(offer.give)) rows.holdItem(itemId, offerId);
  rows.addOffer(offer);
  return undefined;
}

export type AcceptRefusal = "unknown-offer" | "terms-differ" | "not-open" | OfferRefusal;

/** Both sides change hands, or nothing does. */
export function decideAccept(
  rows: LedgerRows,
  accepted: {
    readonly offerId: Uint8Array;
    readonly by: Uint8Array;
    readonly termsHash: Uint8Array;
    readonly transactionId: Uint8Array;
    readonly nowMs: bigint;
  },
): AcceptRefusal | undefined {
  const { offerId, by, transactionId, nowMs } = accepted;
  const offer = rows.offer(offerId);
  if (offer === undefined || !isSame(offer.to, by)) return "unknown-offer";
  if (!isSame(offer.termsHash, accepted.termsHash)) return "terms-differ";
  if (offer.state !== "open" || offer.expiresMs <= nowMs) return "not-open";
  const lack = lackOf(rows, by, offer.want);
  if (lack !== undefined) return lack;
  const { from, to } = offer;
  rows.post({ transactionId, kind: "trade-offer", atMs: nowMs }, [
    ...amountsOf(offer.give).flatMap(({ asset, amount }): PostingTo[] => [
      { account: holdOf(from, asset), amount: -amount },
      { account: playerOf(to, asset), amount },
    ]),
    ...amountsOf(offer.want).flatMap(({ asset, amount }): PostingTo[] => [
      { account: playerOf(to, asset), amount: -amount },
      { account: playerOf(from, asset), amount },
    ]),
  ]);
  for (const { holdId, amount } of amountsOf(offer.give)) rows.drawHold(holdId!, amount);
  for (const itemId of itemsOf(offer.give)) rows.moveItem(itemId, to, transactionId, nowMs);
  for (const itemId of itemsOf(offer.want)) rows.moveItem(itemId, from, transactionId, nowMs);
  rows.endOffer(offerId, "accepted", nowMs, transactionId);
  return undefined;
}

/** Gives back what an open offer holds. */
export function endOffer(
  rows: LedgerRows,
  offer: Offer,
  end: Exclude<OfferEnd, "accepted">,
  { transactionId, nowMs }: { readonly transactionId: Uint8Array; readonly nowMs: bigint },
): void {
  const amounts = amountsOf(offer.give);
  if (amounts.length > 0) {
    rows.post(
      { transactionId, kind: "offer-ended", atMs: nowMs },
      amounts.flatMap(({ asset, amount }) => [
        { account: holdOf(offer.from, asset), amount: -amount },
        { account: playerOf(offer.from, asset), amount },
      ]),
    );
  }
  for (const { holdId, amount } of amounts) rows.drawHold(holdId!, amount);
  for (const itemId of itemsOf(offer.give)) rows.holdItem(itemId, undefined);
  rows.endOffer(offer.offerId, end, nowMs, amounts.length > 0 ? transactionId : undefined);
}

export type EndRefusal = "unknown-offer" | "not-open";

/** Withdraws what `by` has offered, or declines what `by` was offered. */
export function decideEnd(
  rows: LedgerRows,
  ended: {
    readonly offerId: Uint8Array;
    readonly by: Uint8Array;
    readonly transactionId: Uint8Array;
    readonly nowMs: bigint;
  },
): EndRefusal | undefined {
  const offer = rows.offer(ended.offerId);
  const isFrom = offer !== undefined && isSame(offer.from, ended.by);
  if (offer === undefined || !(isFrom || isSame(offer.to, ended.by))) return "unknown-offer";
  if (offer.state !== "open") return "not-open";
  endOffer(rows, offer, isFrom ? "withdrawn" : "declined", ended);
  return undefined;
}

function lackOf(rows: LedgerRows, account: Uint8Array, lines: readonly OfferLine[]): Lack {
  const wanted = new Map<string, bigint>();
  for (const { asset, amount } of amountsOf(lines)) {
    wanted.set(asset, (wanted.get(asset) ?? 0n) + amount);
  }
  for (const [asset, amount] of wanted) {
    const available = isAssetName(asset) ? rows.balanceOf(playerOf(account, asset)) : 0n;
    if (available < amount) return "insufficient";
  }
  const named = new Set<string>();
  for (const itemId of itemsOf(lines)) {
    const item = rows.item(itemId);
    if (item === undefined || !isSame(item.owner, account)) return "item-not-yours";
    if (item.heldBy !== undefined || named.has(bytesText(itemId))) return "item-held";
    named.add(bytesText(itemId));
  }
  return undefined;
}

function amountsOf(lines: readonly OfferLine[]) {
  return lines.flatMap((line) => (line.kind === "amount" ? [line] : []));
}

function itemsOf(lines: readonly OfferLine[]): Uint8Array[] {
  return lines.flatMap((line) => (line.kind === "item" ? [line.itemId] : []));
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
