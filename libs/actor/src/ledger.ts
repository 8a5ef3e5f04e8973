/** What an event is worth to the ledger of the inventory. */

/** Who an amount belongs to: a player, or nobody, where it comes into the world (mint) or leaves it (burn). */
export type Holder =
  | { readonly kind: "player"; /** 16 bytes. */ readonly accountId: Uint8Array }
  | { readonly kind: "mint" | "burn" };

export interface Posting {
  readonly holder: Holder;
  /** Kebab-case, at most 64 characters. */
  readonly asset: string;
  /** Never 0; below zero: taken from the holder. */
  readonly amount: bigint;
}

/** A unique item that comes into the world. */
export interface MintedItem {
  /** 16 bytes, minted by the hex: the item is made once, however often the event comes. */
  readonly itemId: Uint8Array;
  /** Kebab-case, at most 64 characters. */
  readonly kind: string;
  /** 16 bytes. */
  readonly accountId: Uint8Array;
  /** What is to be known of it for ever; at most 1 KiB. */
  readonly attributes: Uint8Array;
}

/** The transaction that an event stands for. The amounts of each asset add up to 0. */
export interface LedgerEntry {
  /** World time of the event, Unix milliseconds. */
  readonly atMs: bigint;
  readonly postings: readonly Posting[];
  /** Default: none. */
  readonly items?: readonly MintedItem[];
}

/** Largest amount that one posting moves: int64. */
export const amountMax = 2n ** 63n - 1n;

/**
 * Postings that bring `amount` of `asset` into the world, for a player. Throws a RangeError on an amount outside
 * 1…{@link amountMax}, and a TypeError on an account that is none.
 */
export function mint(accountId: Uint8Array, asset: string, amount: bigint): readonly Posting[] {
  return mintFor(asset, [{ accountId, amount }]);
}

/** Postings that bring `asset` into the world, for several players, each of them named once. Throws as {@link mint}. */
export function mintFor(
  asset: string,
  shares: readonly { readonly accountId: Uint8Array; readonly amount: bigint }[],
): readonly Posting[] {
  let all = 0n;
  for (const { accountId, amount } of shares) {
    if (accountId.length !== 16) {
      throw new TypeError(`an account has 16 bytes, not ${accountId.length}`);
    }
    all += amount;
    if (amount < 1n || all > amountMax) {
      throw new RangeError(`${amount} of ${asset} cannot be minted: expected 1…${amountMax}`);
    }
  }
  if (shares.length === 0) return [];
  return [
    { holder: { kind: "mint" }, asset, amount: -all },
    ...shares.map(({ accountId, amount }): Posting => ({
      holder: { kind: "player", accountId },
      asset,
      amount,
    })),
  ];
}
