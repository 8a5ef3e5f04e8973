/** Transactions of the ledger. Pure. */

/** Who an amount belongs to: a player, or nobody, where it comes into the world (mint) or leaves it (burn). */
export type Holder =
  | { readonly kind: "player"; /** 16 bytes. */ readonly accountId: Uint8Array }
  | { readonly kind: "mint" | "burn" };

export interface Posting {
  readonly holder: Holder;
  readonly asset: string;
  /** Never 0; below zero: taken from the holder. */
  readonly amount: bigint;
}

export interface LedgerTransaction {
  /** 16 bytes: the id of its cause, so that one cause has one transaction for ever. */
  readonly transactionId: Uint8Array;
  readonly kind: string;
  /** World time of the cause, Unix milliseconds. */
  readonly atMs: bigint;
  readonly postings: readonly Posting[];
}

/** Largest amount that one posting moves: int64. */
export const amountMax = 2n ** 63n - 1n;

/**
 * A transaction that brings `amount` of `asset` into the world, for a player. Throws a RangeError on an amount
 * outside 1…{@link amountMax}.
 */
export function mint(
  cause: Omit<LedgerTransaction, "postings">,
  accountId: Uint8Array,
  asset: string,
  amount: bigint,
): LedgerTransaction {
  if (amount < 1n || amount > amountMax) {
    throw new RangeError(`${amount} of ${asset} cannot be minted: expected 1…${amountMax}`);
  }
  return {
    ...cause,
    postings: [
      { holder: { kind: "mint" }, asset, amount: -amount },
      { holder: { kind: "player", accountId }, asset, amount },
    ],
  };
}
