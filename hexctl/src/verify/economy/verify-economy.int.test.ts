import type { PgClient } from "@hexhold/postgres";
import { afterAll, beforeAll, expect, it } from "vitest";
import { game } from "../stored-world.testing.ts";
import { buyer, ids, openStoredEconomy, type StoredEconomy } from "./stored-economy.testing.ts";
import { economyLines, verifyEconomy } from "./verify-economy.ts";

let economy: StoredEconomy;

beforeAll(async () => {
  economy = await openStoredEconomy();
});
afterAll(async () => economy.close());

it("an economy in which everything is under way is sound, and the rows that were compared are counted", async () => {
  const report = await verifyEconomy(economy.client, game);
  expect(report.faults).toEqual([]);
  expect(report.groups.map(({ name, violations }) => `${name}: ${violations}`)).toEqual([
    "ledger: 0",
    "orders and escrow: 0",
    "holds, offers and items: 0",
    "takes and gifts: 0",
    "elections and owners: 0",
    "journal and ledger: 0",
  ]);
  for (const { name, rows } of report.groups) {
    const isEmpty = name === "journal and ledger" || name === "elections and owners";
    expect(`${name}: ${rows > 0 || isEmpty}`).toBe(`${name}: true`);
  }
  expect(economyLines(report).at(-1)).toBe("6 passed, 0 failed");
});

const accountId = (kind: string, owner: string, asset: string): string =>
  economy.accountId(kind, owner, asset);

const digits = (id: string): string => id.replaceAll("-", "");
/** The row of an event of the takes kit, whose first field is the take's id. */
const journalOf = (type: string, id: string): string =>
  `type = 'evt.hex.${type}' AND substring(payload FROM 3 FOR 16) = '\\x${digits(id)}'`;
const ignored = "goods were taken, and the hex has neither counted them nor owes them back";
const siteFault =
  "what was taken for a site is not what was counted, is on its way, was given back or is owed";

/** What is wrong, by what was done to a world in which nothing was. */
const planted: readonly (readonly [what: string, sql: () => string, faults: readonly string[]])[] =
  [
    [
      "a posting is lost",
      () => `DELETE FROM inventory.posting WHERE transaction_id = '${ids.take}' AND amount > 0`,
      [
        "postings of a transaction do not add up to 0",
        "what players have is not what was minted and not burned",
        "a take was not burned as it says, or was refused and burned",
      ],
    ],
    [
      "a transaction is lost",
      () => `DELETE FROM inventory.transaction WHERE transaction_id = '${ids.take}'`,
      [
        "a posting has no transaction, or no ledger account",
        "the ledger is not what the journal's events are worth",
      ],
    ],
    [
      "a balance is changed",
      () =>
        `UPDATE inventory.balance SET amount = amount + 1 WHERE ledger_account_id = ${accountId("player", buyer, "coin")}`,
      [
        "a balance is not the sum of its postings",
        "what players have is not what was minted and not burned",
        "the ledger is not what the journal's events are worth",
      ],
    ],
    [
      "escrow is changed",
      () => `UPDATE inventory.hold SET remaining = remaining - 1 WHERE hold_id = '${ids.buy}'`,
      [
        "an order's escrow is not what the market owes from it",
        "what remains of an account's holds is not what it has in escrow",
      ],
    ],
    [
      "the same unit is open and matched",
      () => `UPDATE market."order" SET open = 3, quantity = 5 WHERE order_id = '${ids.buy}'`,
      [
        "an order's escrow is not what the market owes from it",
        "a hold is not of its order, or of none",
      ],
    ],
    [
      "a trade is forgotten",
      () => `DELETE FROM market.trade WHERE trade_id = '${ids.unsettled}'`,
      [
        "an order's escrow is not what the market owes from it",
        "an order's units are not filled once, open, or ended",
      ],
    ],
    [
      "a trade is settled that nobody made",
      () => `DELETE FROM market.trade WHERE trade_id = '${ids.settled}'`,
      [
        "an order's units are not filled once, open, or ended",
        "the ledger has a step of the market that the market does not know",
      ],
    ],
    [
      "a release is forgotten",
      () =>
        `UPDATE market."order" SET release_id = gen_random_uuid(), ended = 2, filled = 1 WHERE order_id = '${ids.cancelled}'`,
      [
        "an order's escrow is not what the market owes from it",
        "an order's units are not filled once, open, or ended",
      ],
    ],
    [
      "an order goes live without escrow",
      () =>
        `UPDATE market."order" SET state = 2, seq = 9, open = 2 WHERE order_id = '${ids.asked}'`,
      [
        "an order's escrow is not what the market owes from it",
        "an order is live or has traded without escrow, or was rejected with it",
      ],
    ],
    [
      "an order is rejected although its escrow was granted",
      () =>
        `UPDATE market."order" SET state = 6, ended = 2, ended_at = now() WHERE order_id = '${ids.granted}'`,
      [
        "an order's escrow is not what the market owes from it",
        "an order is live or has traded without escrow, or was rejected with it",
      ],
    ],
    [
      "an order is gone and its escrow is not",
      () => `DELETE FROM market."order" WHERE order_id = '${ids.granted}'`,
      ["a hold is not of its order, or of none"],
    ],
    [
      "a settlement pays another price",
      () => `UPDATE market.trade SET price = 5, tax = 1 WHERE trade_id = '${ids.settled}'`,
      ["a settlement is not what its trade says"],
    ],
    [
      "an offer is over and still holds its goods",
      () => `UPDATE inventory.offer SET state = 'withdrawn', ended_at = now()`,
      [
        "an open offer does not hold what it gives, or one that is over does",
        "a hold of the inventory is of no open offer",
        "an item is held by what is no open offer",
      ],
    ],
    [
      "an item changes hands without a move",
      () => `UPDATE inventory.item SET owner = '${buyer}'`,
      ["an item's moves do not lead to its owner", "an item is held by what is no open offer"],
    ],
    [
      "an item is free although it is offered",
      () => `UPDATE inventory.item SET held_by = NULL`,
      ["an open offer does not hold what it gives, or one that is over does"],
    ],
    [
      "a refused take was burned",
      () => `UPDATE inventory.take SET state = 'refused' WHERE take_id = '${ids.take}'`,
      [
        "a take was not burned as it says, or was refused and burned",
        "a take has another end in the hex than in the inventory",
      ],
    ],
    [
      "a hex has forgotten what it asked for",
      () => `DELETE FROM world.journal WHERE ${journalOf("take-asked", ids.heard)}`,
      ["goods were taken that no hex has asked for", siteFault],
    ],
    [
      "a hex has counted what was never taken",
      () =>
        `UPDATE world.journal SET type = 'evt.hex.take-ended',
           payload = '\\x0a10${digits(ids.pending)}1001'
         WHERE ${journalOf("take-asked", ids.heard)}`,
      [
        "a take has another end in the hex than in the inventory",
        "goods were taken that no hex has asked for",
        ignored,
        siteFault,
      ],
    ],
    [
      "a hex counts a take twice",
      () =>
        `INSERT INTO world.journal SELECT bucket, hex_id, layer_id, hex_version + 100, epoch, gen_random_uuid(), type,
           message_version, payload, account_id, idempotency_key, decided_at
         FROM world.journal WHERE ${journalOf("take-ended", ids.take)}`,
      ["a take is asked for or ended twice, or ends without a beginning", ignored],
    ],
    [
      "a hex makes nothing of what was taken",
      () => `DELETE FROM world.journal WHERE type = 'evt.hex.site-supplied'`,
      [ignored],
    ],
    [
      "another amount was taken than a hex has asked for",
      () => `UPDATE inventory.take SET amount = 3 WHERE take_id = '${ids.take}'`,
      [
        "a take was not burned as it says, or was refused and burned",
        "a take is not what the hex has asked for",
      ],
    ],
    [
      "goods that came late for a site are lost",
      () => `UPDATE inventory.site_taken SET taken = taken + 1`,
      [siteFault],
    ],
    [
      "a site gives what nobody owes",
      () =>
        `UPDATE inventory.transaction SET kind = 'give' WHERE transaction_id = '${ids.settled}'`,
      ["what was given back is not what a hex owes"],
    ],
  ];

it.each(planted)("finds that %s", async (_what, sql, faults) => {
  await economy.client.query("BEGIN");
  await economy.client.query(sql());
  const looked = { query: inside(economy.client) } as unknown as PgClient;
  const report = await verifyEconomy(looked, game);
  await economy.client.query("ROLLBACK");
  expect([...new Set(report.faults.map(({ fault }) => fault))].toSorted()).toEqual(
    [...faults].toSorted(),
  );
  expect(report.violations).toBeGreaterThanOrEqual(faults.length);
  expect(economyLines(report).at(-1)).toMatch(/^\d passed, [1-4] failed$/);
});

/** Looks from within an open transaction, so that what was planted is gone with it. */
function inside(of: PgClient): PgClient["query"] {
  const query = (text: string, values?: unknown[]) =>
    /^(BEGIN|ROLLBACK)/.test(text) ? Promise.resolve({ rows: [] }) : of.query(text, values);
  return query as unknown as PgClient["query"];
}
