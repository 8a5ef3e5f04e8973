import { uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { openConnection, type PgClient } from "@hexhold/postgres";
import { afterAll, beforeAll, expect, it } from "vitest";
import { game, openStoredWorld, type StoredWorld } from "../stored-world.testing.ts";
import { economyLines, verifyEconomy } from "./verify-economy.ts";

let world: StoredWorld;
let client: PgClient;

const id = (): string => uuidText(uuidv7Bytes());
const [buyer, seller, nobody] = [id(), id(), "00000000-0000-0000-0000-000000000000"];
const ids = {
  buy: id(),
  sell: id(),
  cancelled: id(),
  granted: id(),
  asked: id(),
  rejected: id(),
  settled: id(),
  unsettled: id(),
  release: id(),
  offer: id(),
  offered: id(),
  item: id(),
  take: id(),
  site: id(),
};

/** Ids of ledger accounts: `kind owner asset`. */
const accounts = new Map<string, string>();
async function accountOf(kind: string, owner: string, asset: string): Promise<string> {
  const name = `${kind} ${owner} ${asset}`;
  const { rows } = await client.query<{ id: string }>(
    "SELECT ledger_account_id AS id FROM inventory.open_accounts($1::uuid[], $2, $3)",
    [[owner], [kind], [asset]],
  );
  accounts.set(name, rows[0]!.id);
  return rows[0]!.id;
}

type Posting = readonly [kind: string, owner: string, asset: string, amount: number];
interface Hold {
  readonly id: string;
  readonly service: string;
  readonly account: string;
  readonly asset: string;
  readonly amount: number;
  readonly state: "held" | "refused";
}

async function post(
  transaction: readonly [id: string, kind: string] | undefined,
  postings: readonly Posting[],
  holds: readonly Hold[] = [],
  changes: readonly (readonly [id: string, amount: number])[] = [],
): Promise<void> {
  const to: string[] = [];
  for (const [kind, owner, asset] of postings) to.push(await accountOf(kind, owner, asset));
  const transactions = transaction === undefined ? [] : [transaction];
  await client.query(
    "SELECT inventory.post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    [
      transactions.map(([of]) => of),
      transactions.map(([, kind]) => kind),
      transactions.map(() => Date.now()),
      postings.map(() => 1),
      to,
      postings.map(([, , , amount]) => amount),
      holds.map((hold) => hold.id),
      holds.map(({ service }) => service),
      holds.map(({ account }) => account),
      holds.map(({ asset }) => asset),
      holds.map(({ amount }) => amount),
      holds.map(() => 0),
      holds.map(({ state }) => state),
      holds.map(() => ""),
      holds.map(() => Date.now()),
      changes.map(([of]) => of),
      changes.map(([, amount]) => amount),
    ],
  );
}

const escrow = (account: string, asset: string, amount: number): Posting[] => [
  ["player", account, asset, -amount],
  ["hold", account, asset, amount],
];
const held = (of: string, account: string, asset: string, amount: number): Hold => ({
  id: of,
  service: "market",
  account,
  asset,
  amount,
  state: "held",
});

async function addOrder(
  of: string,
  account: string,
  fields: Record<string, unknown>,
): Promise<void> {
  const row = {
    order_id: of,
    book: "wood",
    account_id: account,
    is_immediate: false,
    fee: 1,
    placed_at: new Date(),
    expires_at: new Date(Date.now() + 3_600_000),
    seq: 0,
    version: 1,
    ...fields,
  };
  const names = Object.keys(row);
  await client.query(
    `INSERT INTO market."order" (${names.join(", ")}) VALUES (${names.map((_, n) => `$${n + 1}`).join(", ")})`,
    Object.values(row),
  );
}

/** A world in which one of everything is under way. */
beforeAll(async () => {
  world = await openStoredWorld();
  client = await openConnection({ url: world.url, applicationName: "verify-economy-test" });
  await client.query("SET ROLE hexhold_owner");
  await post(
    [id(), "gift"],
    [
      ["mint", nobody, "coin", -100],
      ["player", buyer, "coin", 90],
      ["player", seller, "coin", 10],
    ],
  );
  await post(
    [id(), "gift"],
    [
      ["mint", nobody, "wood", -20],
      ["player", seller, "wood", 20],
    ],
  );
  // A buy of 4 at 7 that met a sell of 2: one trade is settled, one is not.
  await post([ids.buy, "hold"], escrow(buyer, "coin", 28), [held(ids.buy, buyer, "coin", 28)]);
  await post([ids.sell, "hold"], escrow(seller, "wood", 2), [held(ids.sell, seller, "wood", 2)]);
  await addOrder(ids.buy, buyer, {
    side: 1,
    price: 7,
    quantity: 4,
    state: 2,
    seq: 1,
    open: 2,
    filled: 2,
  });
  const ended = { ended_at: new Date() };
  await addOrder(ids.sell, seller, {
    side: 2,
    price: 6,
    quantity: 2,
    state: 3,
    seq: 2,
    filled: 2,
    ...ended,
  });
  for (const [nth, trade] of [ids.settled, ids.unsettled].entries()) {
    await client.query(
      `INSERT INTO market.trade (trade_id, book, nth, buy_order, sell_order, quantity, price, buy_take, tax, taker_side, at)
       VALUES ($1, 'wood', $2, $3, $4, 1, 6, 7, 1, 2, now())`,
      [trade, nth + 1, ids.buy, ids.sell],
    );
  }
  await post(
    [ids.settled, "trade"],
    [
      ["hold", buyer, "coin", -7],
      ["player", buyer, "coin", 1],
      ["player", seller, "coin", 5],
      ["burn", nobody, "coin", 1],
      ["hold", seller, "wood", -1],
      ["player", buyer, "wood", 1],
    ],
    [],
    [
      [ids.buy, -7],
      [ids.sell, -1],
    ],
  );
  // Cancelled, and what it held is not given back yet; granted and not heard of; asked for; rejected.
  await post([ids.cancelled, "hold"], escrow(seller, "wood", 3), [
    held(ids.cancelled, seller, "wood", 3),
  ]);
  await addOrder(ids.cancelled, seller, {
    side: 2,
    price: 9,
    quantity: 3,
    state: 4,
    seq: 3,
    ended: 3,
    ended_reason: "cancelled",
    release_id: ids.release,
    ...ended,
  });
  await post([ids.granted, "hold"], escrow(buyer, "coin", 10), [
    held(ids.granted, buyer, "coin", 10),
  ]);
  for (const of of [ids.granted, ids.asked]) {
    await addOrder(of, buyer, { side: 1, price: 5, quantity: 2, state: 1 });
  }
  await post(undefined, [], [{ ...held(ids.rejected, buyer, "coin", 50), state: "refused" }]);
  await addOrder(ids.rejected, buyer, {
    side: 1,
    price: 5,
    quantity: 10,
    state: 6,
    ended: 10,
    ...ended,
  });
  // An offer of wood and an item.
  await post([ids.offer, "offer"], escrow(seller, "wood", 4), [
    { ...held(ids.offered, seller, "wood", 4), service: "inventory" },
  ]);
  await client.query(
    `INSERT INTO inventory.item (item_id, kind, owner, held_by, attributes, made_by, made_at, version)
     VALUES ($1, 'plaque', $2, $3, '', $3, now(), 1)`,
    [ids.item, seller, ids.offer],
  );
  await client.query("INSERT INTO inventory.item_move VALUES ($1, 1, NULL, $2, $3, now())", [
    ids.item,
    seller,
    ids.offer,
  ]);
  await client.query(
    `INSERT INTO inventory.offer VALUES ($1, $2, $3, '', sha256(''), 'open', now(), now() + interval '1 h')`,
    [ids.offer, seller, buyer],
  );
  await client.query(
    `INSERT INTO inventory.offer_line VALUES ($1, 'give', 0, 'wood', 4, NULL, $2), ($1, 'give', 1, NULL, NULL, $3, NULL)`,
    [ids.offer, ids.offered, ids.item],
  );
  // Goods for a site.
  await post(
    [ids.take, "take"],
    [
      ["player", seller, "wood", -2],
      ["burn", nobody, "wood", 2],
    ],
  );
  await client.query(
    "INSERT INTO inventory.take VALUES ($1, $2, 'wood', 2, 'taken', '', $3, now())",
    [ids.take, seller, ids.site],
  );
  await client.query("INSERT INTO inventory.site_taken VALUES ($1, $2, 'wood', 2, 0)", [
    ids.site,
    seller,
  ]);
  await client.query("RESET ROLE");
});

afterAll(async () => {
  await client.end();
  await world.drop();
});

it("an economy in which everything is under way is sound, and the rows that were compared are counted", async () => {
  const report = await verifyEconomy(client, game);
  expect(report.faults).toEqual([]);
  expect(report.groups.map(({ name, violations }) => `${name}: ${violations}`)).toEqual([
    "ledger: 0",
    "orders and escrow: 0",
    "holds, offers and items: 0",
    "takes and gifts: 0",
    "journal and ledger: 0",
  ]);
  for (const { name, rows } of report.groups) {
    expect(`${name}: ${rows > 0 || name === "journal and ledger"}`).toBe(`${name}: true`);
  }
  expect(economyLines(report).at(-1)).toBe("5 passed, 0 failed");
});

const accountId = (kind: string, owner: string, asset: string): string =>
  accounts.get(`${kind} ${owner} ${asset}`)!;

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
      () => `UPDATE inventory.take SET state = 'refused'`,
      ["a take was not burned as it says, or was refused and burned"],
    ],
  ];

it.each(planted)("finds that %s", async (_what, sql, faults) => {
  await client.query("BEGIN");
  await client.query(sql());
  const looked = { query: inside(client) } as unknown as PgClient;
  const report = await verifyEconomy(looked, game);
  await client.query("ROLLBACK");
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
