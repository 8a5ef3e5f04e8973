/** Rows of the ledger that a transaction has locked, and what it will write of them. Memory only. */
import { bytesText, uuidText } from "@hexhold/messaging";
import { accountText, type LedgerAccount } from "./ledger-account.ts";

/** Escrow, or the record that it was refused. */
export interface Hold {
  readonly holdId: Uint8Array;
  /** Who asked. */
  readonly service: string;
  readonly account: Uint8Array;
  readonly asset: string;
  readonly amount: bigint;
  /** Coin that was burned for it. */
  readonly fee: bigint;
  readonly remaining: bigint;
  readonly state: "held" | "refused" | "closed";
  /** Of a refusal. */
  readonly reason: string;
  /** World time, Unix milliseconds. */
  readonly atMs: bigint;
}

/** Goods that were burned for a hex, or the record that this was refused. */
export interface Take {
  readonly takeId: Uint8Array;
  readonly account: Uint8Array;
  readonly asset: string;
  readonly amount: bigint;
  readonly state: "taken" | "refused";
  readonly reason: string;
  /** Undefined: nothing gives them back. */
  readonly siteId: Uint8Array | undefined;
  readonly atMs: bigint;
}

/** Of one site, account and asset. */
export interface SiteTaken {
  readonly siteId: Uint8Array;
  readonly account: Uint8Array;
  readonly asset: string;
  readonly taken: bigint;
  readonly given: bigint;
}

export interface Item {
  readonly itemId: Uint8Array;
  readonly kind: string;
  readonly owner: Uint8Array;
  /** The open offer that gives it away. */
  readonly heldBy: Uint8Array | undefined;
  readonly attributes: Uint8Array;
  readonly version: number;
  readonly madeMs: bigint;
}

/** What an offer gives or wants. */
export type OfferLine =
  | {
      readonly kind: "amount";
      readonly asset: string;
      readonly amount: bigint;
      /** Of what is given. */
      readonly holdId: Uint8Array | undefined;
    }
  | { readonly kind: "item"; readonly itemId: Uint8Array };

export type OfferEnd = "accepted" | "withdrawn" | "declined" | "expired";

export interface Offer {
  readonly offerId: Uint8Array;
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly give: readonly OfferLine[];
  readonly want: readonly OfferLine[];
  /** Encoded `TradeTerms`. */
  readonly terms: Uint8Array;
  readonly termsHash: Uint8Array;
  readonly state: "open" | OfferEnd;
  readonly madeMs: bigint;
  readonly expiresMs: bigint;
}

/** An amount that a transaction adds to a ledger account, or takes from it below zero. */
export interface PostingTo {
  readonly account: LedgerAccount;
  readonly amount: bigint;
}

export interface LedgerCause {
  /** 16 bytes: of its cause, so that one cause has one transaction for ever. */
  readonly transactionId: Uint8Array;
  readonly kind: string;
  readonly atMs: bigint;
}

export interface PostedTransaction extends LedgerCause {
  /** One for each account, none of them 0. */
  readonly postings: readonly PostingTo[];
}

/** What is written at the end, in this order. */
export interface LedgerChanges {
  readonly transactions: PostedTransaction[];
  readonly newHolds: Hold[];
  /** By hold, as `bytesText`. */
  readonly holdChanges: Map<string, { readonly holdId: Uint8Array; amount: bigint }>;
  readonly newTakes: Take[];
  readonly siteChanges: Map<string, SiteTaken>;
  readonly newItems: (Item & { readonly transactionId: Uint8Array })[];
  /** By item, as `bytesText`: as it was locked or made, and as it is to be. */
  readonly items: Map<string, { readonly before: Item; after: Item }>;
  readonly itemMoves: {
    readonly itemId: Uint8Array;
    /** After the move. */
    readonly version: number;
    readonly from: Uint8Array;
    readonly to: Uint8Array;
    readonly transactionId: Uint8Array;
    readonly atMs: bigint;
  }[];
  readonly newOffers: Offer[];
  readonly endedOffers: {
    readonly offerId: Uint8Array;
    readonly end: OfferEnd;
    readonly atMs: bigint;
    /** Undefined: it held no amounts. */
    readonly transactionId: Uint8Array | undefined;
  }[];
}

/**
 * The rows, as of all decisions made so far: the second hold of a batch sees the first. A method that throws found
 * something that no rule lets happen: a fault of ours, never the player's.
 */
export interface LedgerRows {
  readonly changes: LedgerChanges;
  /** What an account has; 0 when there is no such account. */
  balanceOf(account: LedgerAccount): bigint;
  hold(holdId: Uint8Array): Hold | undefined;
  take(takeId: Uint8Array): Take | undefined;
  item(itemId: Uint8Array): Item | undefined;
  offer(offerId: Uint8Array): Offer | undefined;
  /** Whether the ledger has a transaction of this id. */
  isPosted(transactionId: Uint8Array): boolean;
  /** Sums what has one account, leaves out what sums to 0. Throws when a balance would fall below zero. */
  post(cause: LedgerCause, postings: readonly PostingTo[]): void;
  addHold(hold: Hold): void;
  /** Takes `amount` out of escrow. Throws when so much is not left. */
  drawHold(holdId: Uint8Array, amount: bigint): void;
  addTake(take: Take): void;
  /** Throws when more would be given than was taken. */
  changeSite(change: SiteTaken): void;
  addItem(item: Item, transactionId: Uint8Array): void;
  /** Into the hands of `to`, and free. */
  moveItem(itemId: Uint8Array, to: Uint8Array, transactionId: Uint8Array, atMs: bigint): void;
  /** `offerId` undefined: free again. */
  holdItem(itemId: Uint8Array, offerId: Uint8Array | undefined): void;
  addOffer(offer: Offer): void;
  endOffer(
    offerId: Uint8Array,
    end: OfferEnd,
    atMs: bigint,
    transactionId: Uint8Array | undefined,
  ): void;
}

/** What was read under locks; `bytesText` of ids, {@link accountText} of accounts. */
export interface LockedRows {
  readonly balances: Map<string, bigint>;
  readonly holds: Map<string, Hold>;
  readonly takes: Map<string, Take>;
  readonly sites: Map<string, SiteTaken>;
  readonly items: Map<string, Item>;
  readonly offers: Map<string, Offer>;
  readonly posted: Set<string>;
}

export function noRows(): LockedRows {
  return {
    balances: new Map(),
    holds: new Map(),
    takes: new Map(),
    sites: new Map(),
    items: new Map(),
    offers: new Map(),
    posted: new Set(),
  };
}

export function siteText({
  siteId,
  account,
  asset,
}: Pick<SiteTaken, "siteId" | "account" | "asset">): string {
  return `${bytesText(siteId)} ${bytesText(account)} ${asset}`;
}

/** `rows` is the ledger's own from now on. */
export function createLedgerRows(rows: LockedRows): LedgerRows {
  const changes: LedgerChanges = {
    transactions: [],
    newHolds: [],
    holdChanges: new Map(),
    newTakes: [],
    siteChanges: new Map(),
    newItems: [],
    items: new Map(),
    itemMoves: [],
    newOffers: [],
    endedOffers: [],
  };

  function itemThere(itemId: Uint8Array): Item {
    const item = rows.items.get(bytesText(itemId));
    if (item === undefined) throw new RangeError(`there is no item ${uuidText(itemId)}`);
    return item;
  }

  function changeItem(now: Item, after: Item): void {
    const text = bytesText(now.itemId);
    rows.items.set(text, after);
    const change = changes.items.get(text);
    if (change === undefined) changes.items.set(text, { before: now, after });
    else change.after = after;
  }

  return {
    changes,
    balanceOf: (account) => rows.balances.get(accountText(account)) ?? 0n,
    hold: (holdId) => rows.holds.get(bytesText(holdId)),
    take: (takeId) => rows.takes.get(bytesText(takeId)),
    item: (itemId) => rows.items.get(bytesText(itemId)),
    offer: (offerId) => rows.offers.get(bytesText(offerId)),
    isPosted: (transactionId) => rows.posted.has(bytesText(transactionId)),
    post(cause, postings) {
      const id = bytesText(cause.transactionId);
      if (rows.posted.has(id)) {
        throw new RangeError(`transaction ${uuidText(cause.transactionId)} is posted already`);
      }
      const sums = new Map<string, PostingTo>();
      for (const { account, amount } of postings) {
        const text = accountText(account);
        sums.set(text, { account, amount: (sums.get(text)?.amount ?? 0n) + amount });
      }
      const summed = [...sums].filter(([, { amount }]) => amount !== 0n);
      for (const [text, { account, amount }] of summed) {
        if (account.kind === "mint" || account.kind === "burn") continue;
        const before = rows.balances.get(text);
        if (before === undefined || before + amount < 0n) {
          throw new RangeError(
            `${cause.kind} ${uuidText(cause.transactionId)}: ${amount} ${account.asset} of ${account.kind} ${uuidText(account.owner)}, which has ${before ?? "no balance"}`,
          );
        }
        rows.balances.set(text, before + amount);
      }
      rows.posted.add(id);
      changes.transactions.push({ ...cause, postings: summed.map(([, posting]) => posting) });
    },
    addHold(hold) {
      rows.holds.set(bytesText(hold.holdId), hold);
      changes.newHolds.push(hold);
    },
    drawHold(holdId, amount) {
      const text = bytesText(holdId);
      const hold = rows.holds.get(text);
      if (hold?.state !== "held" || amount < 1n || amount > hold.remaining) {
        throw new RangeError(
          `hold ${uuidText(holdId)} ${hold === undefined ? "is not there" : `is ${hold.state} with ${hold.remaining}`}, and ${amount} is to go`,
        );
      }
      const remaining = hold.remaining - amount;
      rows.holds.set(text, { ...hold, remaining, state: remaining === 0n ? "closed" : "held" });
      const change = changes.holdChanges.get(text) ?? { holdId, amount: 0n };
      change.amount -= amount;
      changes.holdChanges.set(text, change);
    },
    addTake(take) {
      rows.takes.set(bytesText(take.takeId), take);
      changes.newTakes.push(take);
    },
    changeSite(change) {
      const text = siteText(change);
      const before = rows.sites.get(text) ?? { ...change, taken: 0n, given: 0n };
      const after = {
        ...change,
        taken: before.taken + change.taken,
        given: before.given + change.given,
      };
      if (after.given > after.taken) {
        throw new RangeError(
          `site ${uuidText(change.siteId)} would give ${after.given} ${change.asset} of ${uuidText(change.account)}, who brought ${after.taken}`,
        );
      }
      rows.sites.set(text, after);
      const written = changes.siteChanges.get(text);
      changes.siteChanges.set(text, {
        ...change,
        taken: (written?.taken ?? 0n) + change.taken,
        given: (written?.given ?? 0n) + change.given,
      });
    },
    addItem(item, transactionId) {
      rows.items.set(bytesText(item.itemId), item);
      changes.newItems.push({ ...item, transactionId });
    },
    moveItem(itemId, to, transactionId, atMs) {
      const item = itemThere(itemId);
      const version = item.version + 1;
      changes.itemMoves.push({ itemId, version, from: item.owner, to, transactionId, atMs });
      changeItem(item, { ...item, owner: to, heldBy: undefined, version });
    },
    holdItem(itemId, offerId) {
      const item = itemThere(itemId);
      changeItem(item, { ...item, heldBy: offerId });
    },
    addOffer(offer) {
      rows.offers.set(bytesText(offer.offerId), offer);
      changes.newOffers.push(offer);
    },
    endOffer(offerId, end, atMs, transactionId) {
      const text = bytesText(offerId);
      const offer = rows.offers.get(text);
      if (offer?.state !== "open") throw new RangeError(`offer ${uuidText(offerId)} is not open`);
      rows.offers.set(text, { ...offer, state: end });
      changes.endedOffers.push({ offerId, end, atMs, transactionId });
    },
  };
}
