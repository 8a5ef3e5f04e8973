/**
 * What must be true of value at every instant, with everything under way: each question finds the rows of which it is not,
 * in one snapshot of the database. Steps that are not applied yet are rows as well, so nothing here waits for rest.
 */

import type { PgClient } from "@hexhold/postgres";
import { checkTakes } from "./check-takes.ts";

export interface EconomyQuestion {
  /** In words, what the rows say that it finds. */
  readonly fault: string;
  /** Finds `what` (an id, or what else names the row), `expected`, `found`. */
  readonly text: string;
}

export interface EconomyGroup {
  readonly name: string;
  /** Schemas that it reads; one that is not there has nothing to be wrong. */
  readonly schemas: readonly string[];
  /** How many rows were compared: one row, `rows`. */
  readonly counted: string;
  readonly questions: readonly EconomyQuestion[];
  /** What is asked of the journal as well, which SQL cannot read. */
  readonly journal?: (
    client: PgClient,
  ) => Promise<{ readonly rows: number; readonly faults: readonly FoundFault[] }>;
}

/** What is found, and by which question. */
export interface FoundFault {
  readonly fault: EconomyQuestion["fault"];
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

/** Records of ended steps are deleted after 30 days, trades after 90: what is asked both ways is younger. */
const recorded = "now() - interval '29 days'";

const ledger: EconomyGroup = {
  name: "ledger",
  schemas: ["inventory"],
  counted: `SELECT (SELECT count(*) FROM inventory.posting) + (SELECT count(*) FROM inventory.balance) AS rows`,
  questions: [
    {
      fault: "postings of a transaction do not add up to 0",
      text: `SELECT p.transaction_id || ' ' || a.asset AS what, '0' AS expected, sum(p.amount)::text AS found
        FROM inventory.posting AS p LEFT JOIN inventory.ledger_account AS a USING (ledger_account_id)
        GROUP BY p.transaction_id, a.asset HAVING sum(p.amount) <> 0`,
    },
    {
      fault: "a posting has no transaction, or no ledger account",
      text: `SELECT p.posting_id::text AS what, 'both' AS expected,
          CASE WHEN t.transaction_id IS NULL THEN 'no transaction ' || p.transaction_id
            ELSE 'no ledger account ' || p.ledger_account_id END AS found
        FROM inventory.posting AS p LEFT JOIN inventory.transaction AS t USING (transaction_id)
        LEFT JOIN inventory.ledger_account AS a USING (ledger_account_id)
        WHERE t.transaction_id IS NULL OR a.ledger_account_id IS NULL`,
    },
    {
      fault: "a balance is not the sum of its postings",
      text: `SELECT a.kind || ' ' || a.owner || ' ' || a.asset AS what, coalesce(p.amount, 0)::text AS expected,
          coalesce(b.amount::text, 'no balance') AS found
        FROM inventory.ledger_account AS a LEFT JOIN inventory.balance AS b USING (ledger_account_id)
        LEFT JOIN (SELECT ledger_account_id, sum(amount) AS amount FROM inventory.posting GROUP BY 1) AS p
          USING (ledger_account_id)
        WHERE a.kind IN ('player', 'hold') AND coalesce(p.amount, 0) <> coalesce(b.amount, 0)`,
    },
    {
      fault: "what players have is not what was minted and not burned",
      text: `SELECT a.asset AS what, (-sum(p.amount) FILTER (WHERE a.kind IN ('mint', 'burn')))::text AS expected,
          (SELECT coalesce(sum(b.amount), 0) FROM inventory.balance AS b JOIN inventory.ledger_account AS o
            USING (ledger_account_id) WHERE o.asset = a.asset)::text AS found
        FROM inventory.posting AS p JOIN inventory.ledger_account AS a USING (ledger_account_id)
        GROUP BY a.asset
        HAVING -coalesce(sum(p.amount) FILTER (WHERE a.kind IN ('mint', 'burn')), 0) <> (
          SELECT coalesce(sum(b.amount), 0) FROM inventory.balance AS b JOIN inventory.ledger_account AS o
            USING (ledger_account_id) WHERE o.asset = a.asset)`,
    },
    {
      fault: "a balance is below zero",
      text: `SELECT ledger_account_id::text AS what, '0 or more' AS expected, amount::text AS found
        FROM inventory.balance WHERE amount < 0`,
    },
  ],
};

/** What an order's escrow must be: what is open, what was matched and is not settled, what is released and not applied. */
const orders = `
  WITH unsettled AS MATERIALIZED (
    SELECT t.* FROM market.trade AS t LEFT JOIN inventory.transaction AS x ON x.transaction_id = t.trade_id
    WHERE x.transaction_id IS NULL),
  owed AS MATERIALIZED (
    SELECT order_id, sum(amount) AS amount FROM (
      SELECT buy_order AS order_id, buy_take AS amount FROM unsettled
      UNION ALL SELECT sell_order, quantity FROM unsettled) AS u GROUP BY order_id),
  o AS (
    SELECT o.order_id, o.state, o.quantity, o.open, CASE o.side WHEN 1 THEN o.price ELSE 1 END AS each,
      coalesce(u.amount, 0) AS unsettled,
      CASE WHEN o.release_id IS NULL OR r.transaction_id IS NOT NULL THEN 0 ELSE o.ended END AS unreleased
    FROM market."order" AS o LEFT JOIN owed AS u USING (order_id)
    LEFT JOIN inventory.transaction AS r ON r.transaction_id = o.release_id)`;

const escrow: EconomyGroup = {
  name: "orders and escrow",
  schemas: ["inventory", "market"],
  counted: `SELECT (SELECT count(*) FROM market."order") + (SELECT count(*) FROM market.trade)
      + (SELECT count(*) FROM inventory.hold WHERE service = 'market') AS rows`,
  questions: [
    {
      fault: "an order's escrow is not what the market owes from it",
      text: `${orders}
        SELECT o.order_id::text AS what,
          (CASE WHEN o.state = 1 THEN CASE h.state WHEN 'held' THEN o.each * o.quantity ELSE 0 END
            ELSE o.each * (o.open + o.unreleased) + o.unsettled END)::text AS expected,
          coalesce(h.remaining, 0) || ' (' || coalesce(h.state, 'no hold') || ')' AS found
        FROM o LEFT JOIN inventory.hold AS h ON h.hold_id = o.order_id
        WHERE coalesce(h.remaining, 0) <> CASE
          WHEN o.state = 1 THEN CASE WHEN h.state IN ('held', 'closed') THEN o.each * o.quantity ELSE 0 END
          ELSE o.each * (o.open + o.unreleased) + o.unsettled END`,
    },
    {
      fault: "a hold is not of its order, or of none",
      text: `SELECT h.hold_id::text AS what, coalesce(o.account_id || ' ' ||
            CASE o.side WHEN 1 THEN 'coin' ELSE o.book END || ' ' ||
            CASE o.side WHEN 1 THEN o.price ELSE 1 END * o.quantity, 'an order') AS expected,
          h.account || ' ' || h.asset || ' ' || h.amount || ' (' || h.state || ')' AS found
        FROM inventory.hold AS h LEFT JOIN market."order" AS o ON o.order_id = h.hold_id
        WHERE h.service = 'market' AND (
          (o.order_id IS NULL AND h.state = 'held')
          OR (o.order_id IS NOT NULL AND h.state <> 'refused' AND (h.account <> o.account_id
            OR h.asset <> CASE o.side WHEN 1 THEN 'coin' ELSE o.book END
            OR h.amount <> CASE o.side WHEN 1 THEN o.price ELSE 1 END * o.quantity)))`,
    },
    {
      fault: "an order is live or has traded without escrow, or was rejected with it",
      text: `SELECT o.order_id::text AS what, CASE o.state WHEN 6 THEN 'no escrow' ELSE 'escrow' END AS expected,
          coalesce(h.state, 'no hold') AS found
        FROM market."order" AS o LEFT JOIN inventory.hold AS h ON h.hold_id = o.order_id
        WHERE (o.state = 2 AND h.state IS DISTINCT FROM 'held')
          OR (o.filled > 0 AND o.placed_at > ${recorded} AND coalesce(h.state, 'refused') = 'refused')
          OR (o.state = 6 AND h.state IN ('held', 'closed'))`,
    },
    {
      fault: "an order's units are not filled once, open, or ended",
      text: `SELECT o.order_id::text AS what, o.filled::text AS expected, coalesce(t.filled, 0)::text AS found
        FROM market."order" AS o LEFT JOIN (
          SELECT order_id, sum(quantity) AS filled FROM (
            SELECT buy_order AS order_id, quantity FROM market.trade
            UNION ALL SELECT sell_order, quantity FROM market.trade) AS s GROUP BY 1) AS t USING (order_id)
        WHERE o.placed_at > ${recorded} AND (o.filled <> coalesce(t.filled, 0)
          OR (o.state <> 1 AND o.quantity <> o.open + o.filled + o.ended))`,
    },
    {
      fault: "the ledger has a step of the market that the market does not know",
      text: `SELECT x.transaction_id::text AS what, 'a row of the market' AS expected, x.kind AS found
        FROM inventory.transaction AS x
        WHERE x.at > ${recorded} AND ((x.kind = 'trade'
            AND NOT EXISTS (SELECT 1 FROM market.trade AS t WHERE t.trade_id = x.transaction_id))
          OR (x.kind = 'release'
            AND NOT EXISTS (SELECT 1 FROM market."order" AS o WHERE o.release_id = x.transaction_id)))`,
    },
    {
      fault: "a settlement is not what its trade says",
      text: `SELECT t.trade_id::text AS what, (t.price * t.quantity - t.tax) || ' paid, ' || t.tax || ' burned' AS expected,
          coalesce(p.paid, 0) || ' paid, ' || coalesce(p.burned, 0) || ' burned' AS found
        FROM market.trade AS t JOIN inventory.transaction AS x ON x.transaction_id = t.trade_id
        LEFT JOIN (
          SELECT t.trade_id, sum(p.amount) FILTER (WHERE a.kind = 'burn') AS burned,
            -sum(p.amount) FILTER (WHERE a.kind = 'hold' AND a.asset = 'coin') AS taken,
            sum(p.amount) FILTER (WHERE a.kind = 'player' AND a.asset = 'coin' AND a.owner = s.account_id) AS paid,
            sum(p.amount) FILTER (WHERE a.kind = 'player' AND a.asset = t.book AND a.owner = b.account_id) AS goods
          FROM market.trade AS t JOIN market."order" AS b ON b.order_id = t.buy_order
          JOIN market."order" AS s ON s.order_id = t.sell_order
          JOIN inventory.posting AS p ON p.transaction_id = t.trade_id
          JOIN inventory.ledger_account AS a USING (ledger_account_id)
          GROUP BY t.trade_id) AS p USING (trade_id)
        WHERE coalesce(p.burned, 0) <> t.tax OR coalesce(p.taken, 0) <> t.buy_take OR coalesce(p.goods, 0) <> t.quantity
          OR coalesce(p.paid, 0) <> t.price * t.quantity - t.tax`,
    },
  ],
};

const holdings: EconomyGroup = {
  name: "holds, offers and items",
  schemas: ["inventory"],
  counted: `SELECT (SELECT count(*) FROM inventory.hold) + (SELECT count(*) FROM inventory.offer_line)
      + (SELECT count(*) FROM inventory.item) + (SELECT count(*) FROM inventory.item_move) AS rows`,
  questions: [
    {
      fault: "what remains of an account's holds is not what it has in escrow",
      text: `SELECT coalesce(h.account, b.owner) || ' ' || coalesce(h.asset, b.asset) AS what,
          coalesce(h.remaining, 0)::text AS expected, coalesce(b.amount, 0)::text AS found
        FROM (SELECT account, asset, sum(remaining) AS remaining FROM inventory.hold WHERE state = 'held' GROUP BY 1, 2) AS h
        FULL JOIN (SELECT a.owner, a.asset, b.amount FROM inventory.balance AS b JOIN inventory.ledger_account AS a
          USING (ledger_account_id) WHERE a.kind = 'hold' AND b.amount <> 0) AS b
          ON b.owner = h.account AND b.asset = h.asset
        WHERE coalesce(h.remaining, 0) <> coalesce(b.amount, 0)`,
    },
    {
      fault: "an open offer does not hold what it gives, or one that is over does",
      text: `SELECT o.offer_id || ' ' || coalesce(l.item_id::text, l.asset) AS what,
          CASE o.state WHEN 'open' THEN 'held' ELSE 'free' END AS expected,
          CASE WHEN l.item_id IS NULL THEN coalesce(h.remaining, 0) || ' of ' || l.amount
            ELSE 'held by ' || coalesce(i.held_by::text, 'none') END AS found
        FROM inventory.offer AS o JOIN inventory.offer_line AS l USING (offer_id)
        LEFT JOIN inventory.hold AS h USING (hold_id) LEFT JOIN inventory.item AS i ON i.item_id = l.item_id
        WHERE l.side = 'give' AND CASE
          WHEN l.item_id IS NULL THEN coalesce(h.remaining, 0) <> CASE o.state WHEN 'open' THEN l.amount ELSE 0 END
          ELSE (i.held_by IS NOT DISTINCT FROM o.offer_id) <> (o.state = 'open') END`,
    },
    {
      fault: "a hold of the inventory is of no open offer",
      text: `SELECT h.hold_id::text AS what, 'an open offer' AS expected, coalesce(o.state, 'none') AS found
        FROM inventory.hold AS h LEFT JOIN inventory.offer_line AS l USING (hold_id)
        LEFT JOIN inventory.offer AS o USING (offer_id)
        WHERE h.service = 'inventory' AND h.state = 'held' AND o.state IS DISTINCT FROM 'open'`,
    },
    {
      fault: "an item's moves do not lead to its owner",
      text: `SELECT i.item_id::text AS what, coalesce(m.to_account::text, 'a move') || ' at ' || i.version AS expected,
          i.owner || ' after ' || (SELECT count(*) FROM inventory.item_move AS c WHERE c.item_id = i.item_id) AS found
        FROM inventory.item AS i LEFT JOIN inventory.item_move AS m ON m.item_id = i.item_id AND m.version = i.version
        WHERE m.to_account IS DISTINCT FROM i.owner
          OR i.version <> (SELECT count(*) FROM inventory.item_move AS c WHERE c.item_id = i.item_id)
          OR EXISTS (SELECT 1 FROM inventory.item_move AS a JOIN inventory.item_move AS b
            ON b.item_id = a.item_id AND b.version = a.version + 1
            WHERE a.item_id = i.item_id AND b.from_account IS DISTINCT FROM a.to_account)`,
    },
    {
      fault: "an item is held by what is no open offer",
      text: `SELECT i.item_id::text AS what, 'an open offer of its owner' AS expected,
          i.held_by || ' (' || coalesce(o.state, 'none') || ')' AS found
        FROM inventory.item AS i LEFT JOIN inventory.offer AS o ON o.offer_id = i.held_by
        WHERE i.held_by IS NOT NULL AND (o.state IS DISTINCT FROM 'open' OR o.from_account <> i.owner)`,
    },
  ],
};

const takes: EconomyGroup = {
  name: "takes and gifts",
  schemas: ["inventory"],
  counted: `SELECT (SELECT count(*) FROM inventory.take) + (SELECT count(*) FROM inventory.site_taken) AS rows`,
  questions: [
    {
      fault: "a take was not burned as it says, or was refused and burned",
      text: `SELECT t.take_id::text AS what, CASE t.state WHEN 'taken' THEN t.amount ELSE 0 END::text AS expected,
          coalesce(p.burned, 0)::text AS found
        FROM inventory.take AS t LEFT JOIN (
          SELECT t.take_id, sum(p.amount) AS burned FROM inventory.take AS t
          JOIN inventory.posting AS p ON p.transaction_id = t.take_id
          JOIN inventory.ledger_account AS a ON a.ledger_account_id = p.ledger_account_id AND a.asset = t.asset
          WHERE a.kind = 'burn' GROUP BY t.take_id) AS p USING (take_id)
        WHERE coalesce(p.burned, 0) <> CASE t.state WHEN 'taken' THEN t.amount ELSE 0 END`,
    },
    {
      fault: "a site has given more than it took",
      text: `SELECT site_id || ' ' || account || ' ' || asset AS what, 'at most ' || taken AS expected, given::text AS found
        FROM inventory.site_taken WHERE given > taken`,
    },
  ],
  journal: checkTakes,
};

export const economyGroups: readonly EconomyGroup[] = [ledger, escrow, holdings, takes];
