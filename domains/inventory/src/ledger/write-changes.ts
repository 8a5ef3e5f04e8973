/** Writes what a transaction has decided: by set, one call of a function for each kind of rows. */
import type { Statement, Transaction } from "@hexhold/domain";
import { byteaArray, int4Array, int8Array, textArray, uuidArray } from "@hexhold/postgres";
import { accountText, nobody } from "../rules/ledger-account.ts";
import type { LedgerChanges, Offer, OfferLine } from "../rules/ledger-rows.ts";

export async function writeChanges(
  transaction: Transaction,
  changes: LedgerChanges,
  accountIds: ReadonlyMap<string, bigint>,
): Promise<void> {
  const { transactions, newHolds, holdChanges } = changes;
  if (transactions.length > 0 || newHolds.length > 0 || holdChanges.size > 0) {
    await transaction.query(postStatement(changes, accountIds));
  }
  if (changes.newTakes.length > 0 || changes.siteChanges.size > 0) {
    await transaction.query(takesStatement(changes));
  }
  if (changes.newOffers.length > 0) {
    await transaction.query(offersStatement(changes.newOffers));
    await transaction.query(offerLinesStatement(changes.newOffers));
  }
  if (changes.newItems.length > 0 || changes.items.size > 0) {
    await transaction.query(itemsStatement(changes));
  }
  if (changes.endedOffers.length > 0) await transaction.query(endedOffersStatement(changes));
}

function postStatement(
  { transactions, newHolds, holdChanges }: LedgerChanges,
  accountIds: ReadonlyMap<string, bigint>,
): Statement {
  const postings = transactions.flatMap((posted, at) =>
    posted.postings.map((posting) => ({ ...posting, nth: at + 1 })),
  );
  const changed = [...holdChanges.values()];
  return {
    name: "ledger_post",
    text: `SELECT inventory.post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
    values: [
      uuidArray(transactions.map(({ transactionId }) => transactionId)),
      textArray(transactions.map(({ kind }) => kind)),
      int8Array(transactions.map(({ atMs }) => atMs)),
      int4Array(postings.map(({ nth }) => nth)),
      int8Array(
        postings.map(({ account }) => {
          const id = accountIds.get(accountText(account));
          if (id === undefined) {
            throw new RangeError(`no ${account.kind} account in ${account.asset} was looked up`);
          }
          return id;
        }),
      ),
      int8Array(postings.map(({ amount }) => amount)),
      uuidArray(newHolds.map(({ holdId }) => holdId)),
      textArray(newHolds.map(({ service }) => service)),
      uuidArray(newHolds.map(({ account }) => account)),
      textArray(newHolds.map(({ asset }) => asset)),
      int8Array(newHolds.map(({ amount }) => amount)),
      int8Array(newHolds.map(({ fee }) => fee)),
      textArray(newHolds.map(({ state }) => state)),
      textArray(newHolds.map(({ reason }) => reason)),
      int8Array(newHolds.map(({ atMs }) => atMs)),
      uuidArray(changed.map(({ holdId }) => holdId)),
      int8Array(changed.map(({ amount }) => amount)),
    ],
  };
}

function takesStatement({ newTakes, siteChanges }: LedgerChanges): Statement {
  const sites = [...siteChanges.values()];
  return {
    name: "ledger_post_takes",
    text: `SELECT inventory.post_takes($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    values: [
      uuidArray(newTakes.map(({ takeId }) => takeId)),
      uuidArray(newTakes.map(({ account }) => account)),
      textArray(newTakes.map(({ asset }) => asset)),
      int8Array(newTakes.map(({ amount }) => amount)),
      textArray(newTakes.map(({ state }) => state)),
      textArray(newTakes.map(({ reason }) => reason)),
      uuidArray(newTakes.map(({ siteId }) => siteId ?? nobody)),
      int8Array(newTakes.map(({ atMs }) => atMs)),
      uuidArray(sites.map(({ siteId }) => siteId)),
      uuidArray(sites.map(({ account }) => account)),
      textArray(sites.map(({ asset }) => asset)),
      int8Array(sites.map(({ taken }) => taken)),
      int8Array(sites.map(({ given }) => given)),
    ],
  };
}

function itemsStatement({ newItems, itemMoves, items }: LedgerChanges): Statement {
  const changed = [...items.values()];
  return {
    name: "ledger_post_items",
    text: `SELECT inventory.post_items($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
    values: [
      uuidArray(newItems.map(({ itemId }) => itemId)),
      textArray(newItems.map(({ kind }) => kind)),
      uuidArray(newItems.map(({ owner }) => owner)),
      byteaArray(newItems.map(({ attributes }) => attributes)),
      uuidArray(newItems.map(({ transactionId }) => transactionId)),
      int8Array(newItems.map(({ madeMs }) => madeMs)),
      uuidArray(itemMoves.map(({ itemId }) => itemId)),
      int4Array(itemMoves.map(({ version }) => version)),
      uuidArray(itemMoves.map(({ from }) => from)),
      uuidArray(itemMoves.map(({ to }) => to)),
      uuidArray(itemMoves.map(({ transactionId }) => transactionId)),
      int8Array(itemMoves.map(({ atMs }) => atMs)),
      uuidArray(changed.map(({ before }) => before.itemId)),
      uuidArray(changed.map(({ before }) => before.owner)),
      int4Array(changed.map(({ before }) => before.version)),
      uuidArray(changed.map(({ after }) => after.owner)),
      int4Array(changed.map(({ after }) => after.version)),
      uuidArray(changed.map(({ after }) => after.heldBy ?? nobody)),
    ],
  };
}

function offersStatement(offers: readonly Offer[]): Statement {
  return {
    name: "ledger_add_offers",
    text: `INSERT INTO inventory.offer (offer_id, from_account, to_account, terms, terms_hash, state, made_at, expires_at)
      SELECT id, giver, taker, terms, terms_hash, 'open', to_timestamp(made_ms / 1000.0), to_timestamp(expires_ms / 1000.0)
      FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bytea[], $5::bytea[], $6::bigint[], $7::bigint[])
        AS o (id, giver, taker, terms, terms_hash, made_ms, expires_ms)`,
    values: [
      uuidArray(offers.map(({ offerId }) => offerId)),
      uuidArray(offers.map(({ from }) => from)),
      uuidArray(offers.map(({ to }) => to)),
      byteaArray(offers.map(({ terms }) => terms)),
      byteaArray(offers.map(({ termsHash }) => termsHash)),
      int8Array(offers.map(({ madeMs }) => madeMs)),
      int8Array(offers.map(({ expiresMs }) => expiresMs)),
    ],
  };
}

function offerLinesStatement(offers: readonly Offer[]): Statement {
  const sided = (offer: Offer, side: "give" | "want") =>
    offer[side].map((line, nth) => ({ offerId: offer.offerId, side, nth, line }));
  const lines = offers.flatMap((offer) => [...sided(offer, "give"), ...sided(offer, "want")]);
  const amountOf = (line: OfferLine) => (line.kind === "amount" ? line : undefined);
  return {
    name: "ledger_add_offer_lines",
    text: `INSERT INTO inventory.offer_line (offer_id, side, nth, asset, amount, item_id, hold_id)
      SELECT id, side, nth, nullif(asset, ''), nullif(amount, 0), nullif(item, $8::uuid), nullif(hold, $8::uuid)
      FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::text[], $5::bigint[], $6::uuid[], $7::uuid[])
        AS l (id, side, nth, asset, amount, item, hold)`,
    values: [
      uuidArray(lines.map(({ offerId }) => offerId)),
      textArray(lines.map(({ side }) => side)),
      int4Array(lines.map(({ nth }) => nth)),
      textArray(lines.map(({ line }) => amountOf(line)?.asset ?? "")),
      int8Array(lines.map(({ line }) => amountOf(line)?.amount ?? 0n)),
      uuidArray(lines.map(({ line }) => (line.kind === "item" ? line.itemId : nobody))),
      uuidArray(lines.map(({ line }) => amountOf(line)?.holdId ?? nobody)),
      Buffer.from(nobody).toString("hex"),
    ],
  };
}

function endedOffersStatement({ endedOffers }: LedgerChanges): Statement {
  return {
    name: "ledger_end_offers",
    text: `SELECT inventory.end_offer($1, $2, $3, $4)`,
    values: [
      uuidArray(endedOffers.map(({ offerId }) => offerId)),
      textArray(endedOffers.map(({ end }) => end)),
      int8Array(endedOffers.map(({ atMs }) => atMs)),
      uuidArray(endedOffers.map(({ transactionId }) => transactionId ?? nobody)),
    ],
  };
}
