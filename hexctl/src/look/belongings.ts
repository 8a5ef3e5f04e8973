/** What an account has, and has under way: balances, items, orders, offers, reputation. Of services whose schema is there. */
import type { PgClient } from "@hexhold/postgres";

export interface Belongings {
  readonly balances: readonly {
    readonly asset: string;
    readonly available: string;
    /** In escrow. */
    readonly held: string;
  }[];
  readonly items: readonly {
    readonly itemId: string;
    readonly kind: string;
    /** Offer that holds it; null: it is free. */
    readonly heldBy: string | null;
  }[];
  /** Those that have not ended, the newest first. */
  readonly orders: readonly {
    readonly orderId: string;
    readonly book: string;
    readonly what: string;
    readonly placedAt: string;
  }[];
  /** Those that are open, made by the account or to it, the newest first. */
  readonly offers: readonly {
    readonly offerId: string;
    readonly from: string;
    readonly to: string;
    readonly expiresAt: string;
  }[];
  /** The most points first; as of the day on which they last changed. */
  readonly reputation: readonly { readonly hex: string; readonly points: string }[];
}

/** Of each kind. */
const rowsMax = 100;

export async function readBelongings(client: PgClient, accountId: string): Promise<Belongings> {
  const { rows: there } = await client.query<{ name: string }>(
    `SELECT name FROM unnest(ARRAY['inventory.hold', 'market.order', 'governance.reputation']) AS t (name)
     WHERE to_regclass(name) IS NOT NULL`,
  );
  const has = new Set(there.map(({ name }) => name));
  const rowsOf = async <Row extends object>(table: string, text: string): Promise<Row[]> =>
    has.has(table) ? (await client.query<Row>(`${text} LIMIT ${rowsMax}`, [accountId])).rows : [];
  return {
    balances: await rowsOf(
      "inventory.hold",
      `SELECT a.asset, coalesce(sum(b.amount) FILTER (WHERE a.kind = 'player'), 0)::text AS available,
         coalesce(sum(b.amount) FILTER (WHERE a.kind = 'hold'), 0)::text AS held
       FROM inventory.ledger_account AS a JOIN inventory.balance AS b USING (ledger_account_id)
       WHERE a.owner = $1 GROUP BY a.asset HAVING sum(b.amount) > 0 ORDER BY a.asset`,
    ),
    items: await rowsOf(
      "inventory.hold",
      `SELECT item_id::text AS "itemId", kind, held_by::text AS "heldBy"
       FROM inventory.item WHERE owner = $1 ORDER BY item_id`,
    ),
    orders: (
      await rowsOf<{
        orderId: string;
        book: string;
        side: number;
        price: string;
        quantity: string;
        filled: string;
        state: number;
        placed: Date;
      }>(
        "market.order",
        `SELECT order_id::text AS "orderId", book, side, price::text, quantity::text, filled::text, state, placed_at AS placed
         FROM market."order" WHERE account_id = $1 AND state <= 2 ORDER BY placed_at DESC`,
      )
    ).map(({ orderId, book, side, price, quantity, filled, state, placed }) => ({
      orderId,
      book,
      what:
        `${side === 1 ? "buys" : "sells"} ${quantity} at ${price}, ` +
        (state === 1 ? "its escrow is being asked for" : `${filled} filled`),
      placedAt: placed.toISOString(),
    })),
    offers: (
      await rowsOf<{ offerId: string; from: string; to: string; expires: Date }>(
        "inventory.hold",
        `SELECT offer_id::text AS "offerId", from_account::text AS "from", to_account::text AS "to", expires_at AS expires
         FROM inventory.offer WHERE (from_account = $1 OR to_account = $1) AND state = 'open' ORDER BY offer_id DESC`,
      )
    ).map(({ expires, ...offer }) => ({ ...offer, expiresAt: expires.toISOString() })),
    reputation: await rowsOf(
      "governance.reputation",
      "SELECT hex, points::text FROM governance.reputation WHERE account_id = $1 ORDER BY points DESC, hex",
    ),
  };
}

/** Lines for people; none of what there is nothing of. */
export function belongingsLines(
  { balances, items, orders, offers, reputation }: Belongings,
  line: (name: string, value: string) => string,
): string[] {
  return [
    ...balances.map(({ asset, available, held }) =>
      line("has", `${available} ${asset}${held === "0" ? "" : `, and ${held} in escrow`}`),
    ),
    ...items.map(({ itemId, kind, heldBy }) =>
      line("item", `${kind} ${itemId}${heldBy === null ? "" : `, held by offer ${heldBy}`}`),
    ),
    ...orders.map(({ orderId, book, what, placedAt }) =>
      line("order", `${orderId} in ${book}: ${what}, since ${placedAt}`),
    ),
    ...offers.map(({ offerId, from, to, expiresAt }) =>
      line("offer", `${offerId} from ${from} to ${to}, until ${expiresAt}`),
    ),
    ...reputation.map(({ hex, points }) => line("points", `${points} in ${hex}`)),
  ];
}
