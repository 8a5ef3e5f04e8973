/** Offers and items, page by page, without locks. */
import { create, fromBinary } from "@bufbuild/protobuf";
import type { Transaction } from "@hexhold/domain";
import {
  type Item,
  ItemSchema,
  type Offer,
  OfferSchema,
  OfferState,
  TradeTermsSchema,
} from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import { uuidBytes, uuidText } from "@hexhold/messaging";
import { msOf } from "./read-rows.ts";

const states: Readonly<Record<string, OfferState>> = {
  open: OfferState.OPEN,
  accepted: OfferState.ACCEPTED,
  withdrawn: OfferState.WITHDRAWN,
  declined: OfferState.DECLINED,
  expired: OfferState.EXPIRED,
};

/** Above every UUIDv7. */
const newest = "ffffffff-ffff-ffff-ffff-ffffffffffff";
const oldest = "00000000-0000-0000-0000-000000000000";

/** Up to `limit` offers that the account has made or got, the newest first, those before `before` unless it is empty. */
export async function offersOf(
  transaction: Transaction,
  accountId: Uint8Array,
  page: { readonly limit: number; readonly before: Uint8Array; readonly openOnly: boolean },
): Promise<readonly Offer[]> {
  const rows = await transaction.query<{
    terms: Buffer;
    terms_hash: Buffer;
    state: string;
    made_ms: string;
    expires_ms: string;
    ended_ms: string | null;
  }>({
    name: "offers_of",
    // Either side's newest by its index, then the newest of those.
    text: `SELECT terms, terms_hash, state, ${msOf("made_at")} AS made_ms, ${msOf("expires_at")} AS expires_ms,
        ${msOf("ended_at")} AS ended_ms
      FROM (
        (SELECT * FROM inventory.offer WHERE from_account = $1 AND offer_id < $2 AND (state = 'open' OR NOT $4)
          ORDER BY offer_id DESC LIMIT $3)
        UNION ALL
        (SELECT * FROM inventory.offer WHERE to_account = $1 AND offer_id < $2 AND (state = 'open' OR NOT $4)
          ORDER BY offer_id DESC LIMIT $3)) AS o
      ORDER BY offer_id DESC LIMIT $3`,
    values: [
      uuidText(accountId),
      page.before.length === 16 ? uuidText(page.before) : newest,
      page.limit,
      page.openOnly,
    ],
  });
  return rows.map((row) =>
    create(OfferSchema, {
      terms: fromBinary(TradeTermsSchema, row.terms),
      termsHash: row.terms_hash,
      state: states[row.state] ?? OfferState.UNSPECIFIED,
      madeMs: BigInt(row.made_ms),
      expiresMs: BigInt(row.expires_ms),
      endedMs: BigInt(row.ended_ms ?? 0),
    }),
  );
}

/** How many offers of the account are open. */
export async function openOffersOf(
  transaction: Transaction,
  accountId: Uint8Array,
): Promise<number> {
  const rows = await transaction.query<{ count: string }>({
    name: "open_offers_of",
    text: `SELECT count(*) FROM inventory.offer WHERE from_account = $1 AND state = 'open'`,
    values: [uuidText(accountId)],
  });
  return Number(rows[0]?.count ?? 0);
}

/** Up to `limit` items of the account, by id, those behind `after`. */
export async function itemsOf(
  transaction: Transaction,
  accountId: Uint8Array,
  { limit, after }: { readonly limit: number; readonly after: Uint8Array },
): Promise<readonly Item[]> {
  const rows = await transaction.query<{
    item_id: string;
    kind: string;
    held_by: string | null;
    attributes: Buffer;
    made_ms: string;
    version: number;
  }>({
    name: "items_of",
    text: `SELECT item_id, kind, held_by, attributes, ${msOf("made_at")} AS made_ms, version
      FROM inventory.item WHERE owner = $1 AND item_id > $2 ORDER BY item_id LIMIT $3`,
    values: [uuidText(accountId), after.length === 16 ? uuidText(after) : oldest, limit],
  });
  return rows.map((row) =>
    create(ItemSchema, {
      itemId: uuidBytes(row.item_id),
      kind: row.kind,
      heldBy: row.held_by === null ? new Uint8Array(0) : uuidBytes(row.held_by),
      attributes: row.attributes,
      madeMs: BigInt(row.made_ms),
      version: row.version,
    }),
  );
}
