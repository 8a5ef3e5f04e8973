/** Reads rows of the ledger, under locks and without. */
import type { Transaction } from "@hexhold/domain";
import { bytesText, uuidBytes } from "@hexhold/messaging";
import { int8Array, textArray, uuidArray } from "@hexhold/postgres";
import { accountText, type LedgerAccount } from "../rules/ledger-account.ts";
import {
  type Hold,
  type Item,
  type Offer,
  type OfferLine,
  type SiteTaken,
  siteText,
  type Take,
} from "../rules/ledger-rows.ts";

const optionalId = (text: string | null): Uint8Array | undefined =>
  text === null ? undefined : uuidBytes(text);

/** Unix milliseconds of a timestamptz. */
export const msOf = (column: string): string =>
  `round(extract(epoch FROM ${column}) * 1000)::bigint`;

interface HoldColumns {
  hold_id: string;
  service: string;
  account: string;
  asset: string;
  amount: string;
  remaining: string;
  fee: string;
  state: Hold["state"];
  reason: string;
  at_ms: string;
}

/** Locks holds; those that there are, by id. */
export async function lockHolds(
  transaction: Transaction,
  ids: readonly Uint8Array[],
): Promise<Map<string, Hold>> {
  if (ids.length === 0) return new Map();
  const rows = await transaction.query<HoldColumns>({
    name: "lock_holds",
    text: `SELECT hold_id, service, account, asset, amount, remaining, fee, state, reason, ${msOf("at")} AS at_ms
      FROM inventory.lock_holds($1)`,
    values: [uuidArray(ids)],
  });
  return byId(
    rows.map((row) => ({
      holdId: uuidBytes(row.hold_id),
      service: row.service,
      account: uuidBytes(row.account),
      asset: row.asset,
      amount: BigInt(row.amount),
      fee: BigInt(row.fee),
      remaining: BigInt(row.remaining),
      state: row.state,
      reason: row.reason,
      atMs: BigInt(row.at_ms),
    })),
    ({ holdId }) => holdId,
  );
}

/** What of holds never changes, without a lock. */
export async function holdAssets(
  transaction: Transaction,
  ids: readonly Uint8Array[],
): Promise<
  readonly { readonly holdId: Uint8Array; readonly account: Uint8Array; readonly asset: string }[]
> {
  if (ids.length === 0) return [];
  const rows = await transaction.query<{ hold_id: string; account: string; asset: string }>({
    name: "hold_assets",
    text: `SELECT h.hold_id, h.account, h.asset FROM unnest($1::uuid[]) AS n (id) CROSS JOIN LATERAL (
        SELECT hold_id, account, asset FROM inventory.hold WHERE hold_id = n.id AND state <> 'refused' LIMIT 1) AS h`,
    values: [uuidArray(ids)],
  });
  return rows.map(({ hold_id, account, asset }) => ({
    holdId: uuidBytes(hold_id),
    account: uuidBytes(account),
    asset,
  }));
}

export async function lockTakes(
  transaction: Transaction,
  ids: readonly Uint8Array[],
): Promise<Map<string, Take>> {
  if (ids.length === 0) return new Map();
  const rows = await transaction.query<{
    take_id: string;
    account: string;
    asset: string;
    amount: string;
    state: Take["state"];
    reason: string;
    site_id: string | null;
    at_ms: string;
  }>({
    name: "lock_takes",
    text: `SELECT take_id, account, asset, amount, state, reason, site_id, ${msOf("at")} AS at_ms
      FROM inventory.lock_takes($1)`,
    values: [uuidArray(ids)],
  });
  return byId(
    rows.map((row) => ({
      takeId: uuidBytes(row.take_id),
      account: uuidBytes(row.account),
      asset: row.asset,
      amount: BigInt(row.amount),
      state: row.state,
      reason: row.reason,
      siteId: optionalId(row.site_id),
      atMs: BigInt(row.at_ms),
    })),
    ({ takeId }) => takeId,
  );
}

/** By {@link siteText}. */
export async function lockSites(
  transaction: Transaction,
  sites: readonly Pick<SiteTaken, "siteId" | "account" | "asset">[],
): Promise<Map<string, SiteTaken>> {
  if (sites.length === 0) return new Map();
  const named = [...new Map(sites.map((site) => [siteText(site), site])).values()];
  const rows = await transaction.query<{
    site_id: string;
    account: string;
    asset: string;
    taken: string;
    given: string;
  }>({
    name: "lock_sites",
    text: `SELECT site_id, account, asset, taken, given FROM inventory.lock_sites($1, $2, $3)`,
    values: [
      uuidArray(named.map(({ siteId }) => siteId)),
      uuidArray(named.map(({ account }) => account)),
      textArray(named.map(({ asset }) => asset)),
    ],
  });
  return new Map(
    rows.map((row) => {
      const site: SiteTaken = {
        siteId: uuidBytes(row.site_id),
        account: uuidBytes(row.account),
        asset: row.asset,
        taken: BigInt(row.taken),
        given: BigInt(row.given),
      };
      return [siteText(site), site];
    }),
  );
}

export async function lockItems(
  transaction: Transaction,
  ids: readonly Uint8Array[],
): Promise<Map<string, Item>> {
  if (ids.length === 0) return new Map();
  const rows = await transaction.query<{
    item_id: string;
    kind: string;
    owner: string;
    held_by: string | null;
    attributes: Buffer;
    version: number;
    made_ms: string;
  }>({
    name: "lock_items",
    text: `SELECT item_id, kind, owner, held_by, attributes, version, ${msOf("made_at")} AS made_ms
      FROM inventory.lock_items($1)`,
    values: [uuidArray(ids)],
  });
  return byId(
    rows.map((row) => ({
      itemId: uuidBytes(row.item_id),
      kind: row.kind,
      owner: uuidBytes(row.owner),
      heldBy: optionalId(row.held_by),
      attributes: row.attributes,
      version: row.version,
      madeMs: BigInt(row.made_ms),
    })),
    ({ itemId }) => itemId,
  );
}

/** Locks offers; those that there are, with what they say. */
export async function lockOffers(
  transaction: Transaction,
  ids: readonly Uint8Array[],
): Promise<Map<string, Offer>> {
  if (ids.length === 0) return new Map();
  const lines = await offerLines(transaction, ids);
  const rows = await transaction.query<{
    offer_id: string;
    from_account: string;
    to_account: string;
    terms: Buffer;
    terms_hash: Buffer;
    state: Offer["state"];
    made_ms: string;
    expires_ms: string;
  }>({
    name: "lock_offers",
    text: `SELECT offer_id, from_account, to_account, terms, terms_hash, state, ${msOf("made_at")} AS made_ms,
        ${msOf("expires_at")} AS expires_ms
      FROM inventory.lock_offers($1)`,
    values: [uuidArray(ids)],
  });
  return byId(
    rows.map((row) => {
      const of = lines.filter(({ offerId }) => offerId === row.offer_id);
      return {
        offerId: uuidBytes(row.offer_id),
        from: uuidBytes(row.from_account),
        to: uuidBytes(row.to_account),
        give: of.filter(({ side }) => side === "give").map(({ line }) => line),
        want: of.filter(({ side }) => side === "want").map(({ line }) => line),
        terms: row.terms,
        termsHash: row.terms_hash,
        state: row.state,
        madeMs: BigInt(row.made_ms),
        expiresMs: BigInt(row.expires_ms),
      };
    }),
    ({ offerId }) => offerId,
  );
}

/** What an offer says never changes: read without a lock. */
export async function offerParties(
  transaction: Transaction,
  ids: readonly Uint8Array[],
): Promise<
  readonly {
    readonly from: Uint8Array;
    readonly to: Uint8Array;
    readonly lines: readonly OfferLine[];
  }[]
> {
  if (ids.length === 0) return [];
  const lines = await offerLines(transaction, ids);
  const rows = await transaction.query<{
    offer_id: string;
    from_account: string;
    to_account: string;
  }>({
    name: "offer_parties",
    text: `SELECT offer_id, from_account, to_account FROM inventory.offer WHERE offer_id = ANY ($1::uuid[])`,
    values: [uuidArray(ids)],
  });
  return rows.map((row) => ({
    from: uuidBytes(row.from_account),
    to: uuidBytes(row.to_account),
    lines: lines.filter(({ offerId }) => offerId === row.offer_id).map(({ line }) => line),
  }));
}

async function offerLines(
  transaction: Transaction,
  ids: readonly Uint8Array[],
): Promise<
  readonly { readonly offerId: string; readonly side: "give" | "want"; readonly line: OfferLine }[]
> {
  const rows = await transaction.query<{
    offer_id: string;
    side: "give" | "want";
    asset: string | null;
    amount: string | null;
    item_id: string | null;
    hold_id: string | null;
  }>({
    name: "offer_lines",
    text: `SELECT offer_id, side, asset, amount, item_id, hold_id FROM inventory.offer_line
      WHERE offer_id = ANY ($1::uuid[]) ORDER BY offer_id, side, nth`,
    values: [uuidArray(ids)],
  });
  return rows.map((row) => ({
    offerId: row.offer_id,
    side: row.side,
    line:
      row.item_id === null
        ? {
            kind: "amount",
            asset: row.asset ?? "",
            amount: BigInt(row.amount ?? 0),
            holdId: optionalId(row.hold_id),
          }
        : { kind: "item", itemId: uuidBytes(row.item_id) },
  }));
}

/** Ids of ledger accounts, by {@link accountText}; those that are not there are left out. */
export async function accountIds(
  transaction: Transaction,
  accounts: readonly LedgerAccount[],
): Promise<Map<string, bigint>> {
  if (accounts.length === 0) return new Map();
  const rows = await transaction.query<{ id: string | null }>({
    name: "ledger_account_ids",
    text: `SELECT (SELECT a.ledger_account_id FROM inventory.ledger_account AS a
        WHERE a.owner = n.owner AND a.kind = n.kind AND a.asset = n.asset) AS id
      FROM unnest($1::uuid[], $2::text[], $3::text[]) WITH ORDINALITY AS n (owner, kind, asset, nth) ORDER BY nth`,
    values: accountArrays(accounts),
  });
  return idsBy(accounts, rows);
}

/** Makes ledger accounts, and their balances, where they are not there; the ids of all. */
export async function openAccounts(
  transaction: Transaction,
  accounts: readonly LedgerAccount[],
): Promise<Map<string, bigint>> {
  if (accounts.length === 0) return new Map();
  const rows = await transaction.query<{ id: string }>({
    name: "open_accounts",
    text: `SELECT ledger_account_id AS id FROM inventory.open_accounts($1, $2, $3) ORDER BY nth`,
    values: accountArrays(accounts),
  });
  return idsBy(accounts, rows);
}

export async function lockBalances(
  transaction: Transaction,
  ids: readonly bigint[],
): Promise<Map<bigint, bigint>> {
  if (ids.length === 0) return new Map();
  const rows = await transaction.query<{ ledger_account_id: string; amount: string }>({
    name: "lock_balances",
    text: `SELECT ledger_account_id, amount FROM inventory.lock_balances($1)`,
    values: [int8Array(ids)],
  });
  return new Map(rows.map((row) => [BigInt(row.ledger_account_id), BigInt(row.amount)]));
}

/** Which transactions the ledger has, as `bytesText`. */
export async function postedAmong(
  transaction: Transaction,
  ids: readonly Uint8Array[],
): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await transaction.query<{ id: string }>({
    name: "posted_among",
    text: `SELECT t.transaction_id AS id FROM unnest($1::uuid[]) AS n (id) CROSS JOIN LATERAL (
        SELECT transaction_id FROM inventory.transaction WHERE transaction_id = n.id LIMIT 1) AS t`,
    values: [uuidArray(ids)],
  });
  return new Set(rows.map(({ id }) => bytesText(uuidBytes(id))));
}

function accountArrays(accounts: readonly LedgerAccount[]): readonly unknown[] {
  return [
    uuidArray(accounts.map(({ owner }) => owner)),
    textArray(accounts.map(({ kind }) => kind)),
    textArray(accounts.map(({ asset }) => asset)),
  ];
}

function idsBy(
  accounts: readonly LedgerAccount[],
  rows: readonly { readonly id: string | null }[],
): Map<string, bigint> {
  return new Map(
    accounts.flatMap((account, at): [string, bigint][] => {
      const id = rows[at]?.id ?? null;
      return id === null ? [] : [[accountText(account), BigInt(id)]];
    }),
  );
}

function byId<T>(rows: readonly T[], idOfRow: (row: T) => Uint8Array): Map<string, T> {
  return new Map(rows.map((row) => [bytesText(idOfRow(row)), row]));
}
