/** What the ledger takes of a game. Pure; the database holds the same rules, and says less of what breaks them. */
import type { Holder, MintedItem, Posting } from "@hexhold/actor";
import { uuidText } from "@hexhold/messaging";

const assetPattern = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const assetLengthMax = 64;

/**
 * Throws a RangeError that says `what` has these postings, which of them is none, and why: an account that has not 16
 * bytes, an asset that is no name, an amount of 0 or beyond int64, a holder that is named twice for one asset, an
 * asset of which the amounts do not add up to 0.
 */
export function checkPostings(what: string, postings: readonly Posting[]): void {
  const sums = new Map<string, bigint>();
  const named = new Set<string>();
  for (const [i, { holder, asset, amount }] of postings.entries()) {
    const fault = (why: string): RangeError =>
      new RangeError(`${what}: posting ${i + 1} of ${postings.length}: ${why}`);
    if (!assetPattern.test(asset) || asset.length > assetLengthMax) {
      throw fault(
        `${JSON.stringify(asset)} is no asset: expected a name in kebab-case of at most ${assetLengthMax} characters`,
      );
    }
    if (holder.kind === "player" && holder.accountId.length !== 16) {
      throw fault(`an account has 16 bytes, not ${holder.accountId.length}`);
    }
    if (amount === 0n || amount !== BigInt.asIntN(64, amount)) {
      throw fault(`${amount} ${asset} is no amount: expected an int64 other than 0`);
    }
    const account = `${nameOf(holder)} ${asset}`;
    if (named.has(account)) throw fault(`${account} has a posting already`);
    named.add(account);
    sums.set(asset, (sums.get(asset) ?? 0n) + amount);
  }
  for (const [asset, sum] of sums) {
    if (sum !== 0n)
      throw new RangeError(`${what}: its postings of ${asset} add up to ${sum}, not 0`);
  }
}

const attributesBytesMax = 1024;

/** Throws a RangeError that says `what` has these items, which of them is none, and why. */
export function checkItems(what: string, items: readonly MintedItem[]): void {
  const ids = new Set<string>();
  for (const [i, { itemId, kind, accountId, attributes }] of items.entries()) {
    const fault = (why: string): RangeError =>
      new RangeError(`${what}: item ${i + 1} of ${items.length}: ${why}`);
    if (itemId.length !== 16) throw fault(`an item's id has 16 bytes, not ${itemId.length}`);
    if (accountId.length !== 16) throw fault(`an account has 16 bytes, not ${accountId.length}`);
    if (!assetPattern.test(kind) || kind.length > assetLengthMax) {
      throw fault(`${JSON.stringify(kind)} is no kind of items: expected a name in kebab-case`);
    }
    if (attributes.length > attributesBytesMax) {
      throw fault(`attributes have at most ${attributesBytesMax} bytes, not ${attributes.length}`);
    }
    const id = uuidText(itemId);
    if (ids.has(id)) throw fault(`${id} is made twice`);
    ids.add(id);
  }
}

function nameOf(holder: Holder): string {
  return holder.kind === "player" ? uuidText(holder.accountId) : holder.kind;
}
