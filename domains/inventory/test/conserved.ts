/** What must be true of the ledger at any moment, asked of PostgreSQL in one snapshot. */
import { expect } from "vitest";
import type { LedgerDatabase } from "./ledger-database.ts";

const questions: Readonly<Record<string, string>> = {
  "a transaction's postings of an asset do not add up to 0": `
    SELECT p.transaction_id, a.asset FROM inventory.posting AS p JOIN inventory.ledger_account AS a USING (ledger_account_id)
    GROUP BY 1, 2 HAVING sum(p.amount) <> 0`,
  "a balance is not the sum of its postings": `
    SELECT b.ledger_account_id FROM inventory.balance AS b
    WHERE b.amount <> coalesce((SELECT sum(p.amount) FROM inventory.posting AS p
      WHERE p.ledger_account_id = b.ledger_account_id), 0)`,
  "what remains of holds is not what is held": `
    SELECT coalesce(h.account, b.owner), coalesce(h.asset, b.asset), h.held, b.amount
    FROM (SELECT account, asset, sum(remaining) AS held FROM inventory.hold GROUP BY 1, 2 HAVING sum(remaining) > 0) AS h
    FULL JOIN (SELECT a.owner, a.asset, b.amount FROM inventory.balance AS b JOIN inventory.ledger_account AS a
      USING (ledger_account_id) WHERE a.kind = 'hold' AND b.amount > 0) AS b ON b.owner = h.account AND b.asset = h.asset
    WHERE h.held IS DISTINCT FROM b.amount`,
  "an open offer does not hold what it gives": `
    SELECT o.offer_id FROM inventory.offer AS o JOIN inventory.offer_line AS l USING (offer_id)
    LEFT JOIN inventory.hold AS h USING (hold_id) LEFT JOIN inventory.item AS i ON i.item_id = l.item_id
    WHERE l.side = 'give' AND (o.state = 'open') <> (
      CASE WHEN l.item_id IS NULL THEN coalesce(h.remaining, 0) = l.amount
      ELSE i.held_by IS NOT DISTINCT FROM o.offer_id END)`,
  "an item's moves do not lead to its owner": `
    SELECT i.item_id FROM inventory.item AS i WHERE i.owner IS DISTINCT FROM (
      SELECT m.to_account FROM inventory.item_move AS m WHERE m.item_id = i.item_id AND m.version = i.version)
      OR i.version <> (SELECT count(*) FROM inventory.item_move AS m WHERE m.item_id = i.item_id)
      OR EXISTS (SELECT 1 FROM inventory.item_move AS m JOIN inventory.item_move AS n
        ON n.item_id = m.item_id AND n.version = m.version + 1
        WHERE m.item_id = i.item_id AND n.from_account IS DISTINCT FROM m.to_account)`,
};

/** Fails with what is not so. */
export async function expectConserved({ admin }: Pick<LedgerDatabase, "admin">): Promise<void> {
  const found: string[] = [];
  for (const [what, text] of Object.entries(questions)) {
    const { rows } = await admin.query(text);
    if (rows.length > 0) found.push(`${what}: ${JSON.stringify(rows.slice(0, 3))}`);
  }
  expect(found).toEqual([]);
}
