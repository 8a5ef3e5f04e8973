/**
 * Reads and locks what messages name, all of a transaction's messages together. The order is here and nowhere else:
 * missing ledger accounts are made first; then locks, by table offer, hold, take, site_taken, balance, item, ascending
 * within each; then which transactions are posted, for the commit of another instance may have come while this one waited.
 */
import type { Transaction } from "@hexhold/domain";
import { bytesText } from "@hexhold/messaging";
import {
  accountText,
  burnOf,
  coin,
  holdOf,
  type LedgerAccount,
  playerOf,
} from "../rules/ledger-account.ts";
import type { LockedRows, OfferLine } from "../rules/ledger-rows.ts";
import { mergeNamed, type NamedRows } from "./named-rows.ts";
import {
  accountIds,
  holdAssets,
  lockBalances,
  lockHolds,
  lockItems,
  lockOffers,
  lockSites,
  lockTakes,
  offerParties,
  openAccounts,
  postedAmong,
} from "./read-rows.ts";

export interface RowsAndIds {
  readonly rows: LockedRows;
  /** Of ledger accounts, by {@link accountText}. */
  readonly accountIds: ReadonlyMap<string, bigint>;
}

export async function lockRows(
  transaction: Transaction,
  messages: readonly NamedRows[],
): Promise<RowsAndIds> {
  const named = mergeNamed(messages);
  const ofOffers = (await offerParties(transaction, distinct(named.offers))).map(namedByOffer);
  const all = mergeNamed([named, ...ofOffers]);
  const holds = distinct([
    ...all.holds,
    ...all.settled.flatMap(({ buyHold, sellHold }) => [buyHold, sellHold]),
  ]);
  const held = await holdAssets(transaction, holds);
  const ids = await idsOf(
    transaction,
    [
      ...all.accounts,
      ...held.flatMap(({ account, asset }) => [playerOf(account, asset), holdOf(account, asset)]),
    ],
    [...all.opened, ...openedBySettling(all.settled, held)],
    all.openedFrom,
  );

  const offers = await lockOffers(transaction, distinct(all.offers));
  const lockedHolds = await lockHolds(transaction, holds);
  const takes = await lockTakes(transaction, distinct(all.takes));
  const sites = await lockSites(transaction, all.sites);
  const balances = await lockBalances(transaction, [...ids.withBalance.values()]);
  const items = await lockItems(transaction, distinct(all.items));
  const posted = await postedAmong(transaction, distinct(all.transactions));
  return {
    rows: {
      offers,
      holds: lockedHolds,
      takes,
      sites,
      items,
      posted,
      balances: new Map([...ids.withBalance].map(([text, id]) => [text, balances.get(id) ?? 0n])),
    },
    accountIds: ids.all,
  };
}

async function idsOf(
  transaction: Transaction,
  looked: readonly LedgerAccount[],
  opened: readonly LedgerAccount[],
  openedFrom: Required<NamedRows>["openedFrom"],
) {
  const every = new Map(
    [...looked, ...opened, ...openedFrom.flatMap(({ account, from }) => [account, from])].map(
      (account) => [accountText(account), account],
    ),
  );
  const known = await accountIds(transaction, [...every.values()]);
  const missing = new Map(
    [
      ...opened,
      ...openedFrom
        .filter(({ from }) => known.has(accountText(from)))
        .map(({ account }) => account),
    ]
      .map((account): [string, LedgerAccount] => [accountText(account), account])
      .filter(([text]) => !known.has(text)),
  );
  const all = new Map([...known, ...(await openAccounts(transaction, [...missing.values()]))]);
  const withBalance = new Map(
    [...all].filter(([text]) => {
      const kind = every.get(text)?.kind;
      return kind === "player" || kind === "hold";
    }),
  );
  return { all, withBalance };
}

type HeldAsset = Awaited<ReturnType<typeof holdAssets>>[number];

function openedBySettling(
  settled: Required<NamedRows>["settled"],
  held: readonly HeldAsset[],
): LedgerAccount[] {
  const byId = new Map(held.map((hold) => [bytesText(hold.holdId), hold]));
  return settled.flatMap(({ buyHold, sellHold }) => {
    const buy = byId.get(bytesText(buyHold));
    const sell = byId.get(bytesText(sellHold));
    if (buy === undefined || sell === undefined) return [];
    return [playerOf(buy.account, sell.asset), playerOf(sell.account, buy.asset), burnOf(coin)];
  });
}

/** What ending an offer needs: both sides' accounts of all that it names. */
function namedByOffer(offer: {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly lines: readonly OfferLine[];
}): NamedRows {
  const { from, to, lines } = offer;
  const amounts = lines.flatMap((line) => (line.kind === "amount" ? [line] : []));
  return {
    holds: amounts.flatMap(({ holdId }) => holdId ?? []),
    items: lines.flatMap((line) => (line.kind === "item" ? [line.itemId] : [])),
    accounts: amounts.flatMap(({ asset }) => [playerOf(from, asset), holdOf(from, asset)]),
    // Of what is given the giver has an account; of what is wanted whoever has some.
    openedFrom: amounts.flatMap(({ asset }) => [
      { account: playerOf(to, asset), from: playerOf(from, asset) },
      { account: playerOf(from, asset), from: playerOf(to, asset) },
    ]),
  };
}

function distinct(ids: readonly Uint8Array[]): Uint8Array[] {
  return [...new Map(ids.map((id) => [bytesText(id), id])).values()];
}
