import { setTimeout as pause } from "node:timers/promises";
import { createOutbox, inTransactionWithWork } from "@hexhold/domain";
import { uuidv7Bytes } from "@hexhold/messaging";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectConserved } from "../../test/conserved.ts";
import { type LedgerDatabase, openLedgerDatabase } from "../../test/ledger-database.ts";
import { burnOf, holdOf, mintOf, playerOf } from "../rules/ledger-account.ts";
import type { PostedTransaction, PostingTo } from "../rules/ledger-rows.ts";
import { balancesOf, historyOf } from "./account-pages.ts";
import { createLedgerWork } from "./ledger-work.ts";

let database: LedgerDatabase;

beforeAll(async () => {
  database = await openLedgerDatabase();
});

afterAll(async () => {
  await expectConserved(database);
  await database.close();
});

const outbox = createOutbox({
  producer: { service: "inventory", version: "1", instance: "inventory-1" },
  descriptors: [],
  worldNow: Date.now,
});
const causeOf = () => ({ transactionId: uuidv7Bytes(), kind: "test", atMs: 1_700_000_000_123n });

const newWork = () => createLedgerWork({ outbox, namesOf: () => ({}), onPosted: () => undefined });

/** Posts transactions in one of the database, under the locks that they need. */
function postAll(
  posted: readonly PostedTransaction[],
  { pool }: Pick<LedgerDatabase, "pool"> = database,
): Promise<void> {
  return inTransactionWithWork(pool, newWork, async (transaction, work) => {
    await work.lock(transaction, [
      {
        transactions: posted.map(({ transactionId }) => transactionId),
        opened: posted.flatMap(({ postings }) => postings.map(({ account }) => account)),
      },
    ]);
    for (const one of posted) {
      if (!work.rows.isPosted(one.transactionId)) work.rows.post(one, one.postings);
    }
  });
}
const minted = (accountId: Uint8Array, asset: string, amount: bigint): PostedTransaction => ({
  ...causeOf(),
  postings: [
    { account: mintOf(asset), amount: -amount },
    { account: playerOf(accountId, asset), amount },
  ],
});
const balances = (account: Uint8Array, limit = 100, after = "") =>
  database.inTransaction((transaction) => balancesOf(transaction, account, { limit, after }));
const history = (account: Uint8Array, limit = 100, before = 0n) =>
  database.inTransaction((transaction) => historyOf(transaction, account, { limit, before }));
const free = (asset: string, amount: bigint) => ({ asset, amount, held: 0n });

test("what is minted is there, by asset, and its history newest first, page by page", async () => {
  const account = uuidv7Bytes();
  const posted = (["wood", "stone", "wood", "food"] as const).map((asset, i) =>
    minted(account, asset, BigInt(i + 1)),
  );
  await postAll(posted.slice(0, 3));
  await postAll([posted[3]!]);
  expect(await balances(account)).toEqual([free("food", 4n), free("stone", 2n), free("wood", 4n)]);
  expect(await balances(account, 1, "food")).toEqual([free("stone", 2n)]);
  const all = await history(account);
  expect(all.map(({ asset, amount }) => `${asset} ${amount}`)).toEqual([
    "food 4",
    "wood 3",
    "stone 2",
    "wood 1",
  ]);
  expect(all[0]).toMatchObject({ kind: "test", atMs: 1_700_000_000_123n });
  expect(all.map(({ transactionId }) => transactionId)).toEqual(
    posted.map(({ transactionId }) => transactionId).toReversed(),
  );
  const page = await history(account, 2);
  expect([...page, ...(await history(account, 2, page[1]!.entryId))]).toEqual(all);
  expect(await balances(uuidv7Bytes())).toEqual([]);
  expect(await history(uuidv7Bytes())).toEqual([]);
});

test("amounts are exact up to the largest that a posting moves", async () => {
  const account = uuidv7Bytes();
  const largest = 2n ** 63n - 1n;
  await postAll([minted(account, "ore", 2n ** 53n + 1n)]);
  expect(await balances(account)).toEqual([free("ore", 2n ** 53n + 1n)]);
  await postAll([minted(account, "herb", largest)]);
  expect(await balances(account)).toEqual([free("herb", largest), free("ore", 2n ** 53n + 1n)]);
  await expect(postAll([minted(account, "herb", 1n)])).rejects.toMatchObject({ code: "22003" });
  expect(await balances(account)).toEqual([free("herb", largest), free("ore", 2n ** 53n + 1n)]);
});

test("one cause has one transaction, in one batch and in another", async () => {
  const account = uuidv7Bytes();
  const once = minted(account, "wood", 5n);
  await postAll([once, once]);
  await postAll([once, minted(account, "wood", 1n)]);
  expect(await balances(account)).toEqual([free("wood", 6n)]);
});

test("postings that do not sum to zero per asset are not committed", async () => {
  const account = uuidv7Bytes();
  const player = (amount: bigint): PostingTo => ({ account: playerOf(account, "wood"), amount });
  for (const postings of [
    [player(5n)],
    [{ account: mintOf("wood"), amount: -4n }, player(5n)],
    [{ account: mintOf("stone"), amount: -5n }, player(5n)],
  ]) {
    await expect(postAll([{ ...causeOf(), postings }])).rejects.toMatchObject({
      code: "23514",
      constraint: "zero_sum",
    });
  }
  expect(await balances(account)).toEqual([]);
});

/** `inventory.post` as a broken service would call it. */
function post(
  call: {
    readonly transactions?: readonly Uint8Array[];
    readonly postings?: readonly (readonly [tx: number, account: string, amount: string])[];
    readonly holds?: readonly (readonly [id: Uint8Array, account: Uint8Array, amount: string])[];
    readonly changes?: readonly (readonly [id: Uint8Array, amount: string])[];
  },
  { pool } = database,
): Promise<unknown> {
  const { transactions = [], postings = [], holds = [], changes = [] } = call;
  const hex = (id: Uint8Array): string => Buffer.from(id).toString("hex");
  const all = <T>(value: T) => holds.map(() => value);
  return pool.query(
    "SELECT inventory.post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    [
      transactions.map(hex),
      transactions.map(() => "test"),
      transactions.map(() => 1),
      postings.map(([tx]) => tx),
      postings.map(([, account]) => account),
      postings.map(([, , amount]) => amount),
      holds.map(([id]) => hex(id)),
      all("market"),
      holds.map(([, account]) => hex(account)),
      all("wood"),
      holds.map(([, , amount]) => amount),
      all("0"),
      all("held"),
      all(""),
      all(1),
      changes.map(([id]) => hex(id)),
      changes.map(([, amount]) => amount),
    ],
  );
}

test("the database itself refuses what would make, lose or lend value, whatever the service thinks", async () => {
  const account = uuidv7Bytes();
  const idOf = async (kind: string, asset: string): Promise<string> => {
    const { rows } = await database.pool.query<{ id: string }>(
      "SELECT ledger_account_id AS id FROM inventory.open_accounts($1, $2, $3)",
      [[kind === "mint" ? "0".repeat(32) : Buffer.from(account).toString("hex")], [kind], [asset]],
    );
    return rows[0]!.id;
  };
  await postAll([minted(account, "wood", 10n)]);
  const [player, held, mint] = [
    await idOf("player", "wood"),
    await idOf("hold", "wood"),
    await idOf("mint", "wood"),
  ];
  const id = uuidv7Bytes();
  const known = uuidv7Bytes();
  // The control: what is right is taken.
  await post({
    transactions: [known],
    postings: [
      [1, player, "-4"],
      [1, held, "4"],
    ],
    holds: [[known, account, "4"]],
  });
  const wrong = {
    "a transaction that is there": {
      transactions: [known],
      postings: [
        [1, mint, "-1"],
        [1, player, "1"],
      ],
    },
    "more than there is": {
      transactions: [id],
      postings: [
        [1, player, "-7"],
        [1, mint, "7"],
      ],
    },
    "an account that is not there": {
      transactions: [id],
      postings: [
        [1, "999999999", "-1"],
        [1, "999999998", "1"],
      ],
    },
    "two transactions that sum to zero together": {
      transactions: [id, uuidv7Bytes()],
      postings: [
        [1, mint, "-1"],
        [2, player, "1"],
      ],
    },
    "escrow without a hold": {
      transactions: [id],
      postings: [
        [1, player, "-1"],
        [1, held, "1"],
      ],
    },
    "a hold without escrow": { holds: [[id, account, "1"]] },
    "a hold of another account's escrow": {
      transactions: [id],
      postings: [
        [1, player, "-1"],
        [1, held, "1"],
      ],
      holds: [[id, uuidv7Bytes(), "1"]],
    },
    "escrow that leaves without its hold": {
      transactions: [id],
      postings: [
        [1, held, "-1"],
        [1, player, "1"],
      ],
    },
    "a hold that is emptied without escrow": { changes: [[known, "-1"]] },
    "more than a hold has": {
      transactions: [id],
      postings: [
        [1, held, "-5"],
        [1, player, "5"],
      ],
      changes: [[known, "-5"]],
    },
    "a hold that is not there": {
      transactions: [id],
      postings: [
        [1, held, "-1"],
        [1, player, "1"],
      ],
      changes: [[uuidv7Bytes(), "-1"]],
    },
  } as const;
  for (const [what, call] of Object.entries(wrong)) {
    const refused = await post(call).then(
      () => "taken",
      (error: { code: string }) => error.code,
    );
    expect(`${what}: ${refused}`).toMatch(/: 23(514|505)$/);
  }
  expect(await balances(account)).toEqual([{ asset: "wood", amount: 6n, held: 4n }]);
  // Once it is empty it is over.
  const back = uuidv7Bytes();
  await post({
    transactions: [back],
    postings: [
      [1, held, "-4"],
      [1, player, "4"],
    ],
    changes: [[known, "-4"]],
  });
  await expect(post({ changes: [[known, "0"]] })).rejects.toMatchObject({
    constraint: "hold_open",
  });
});

test("a player's balance never falls below zero; what is there may be moved and burnt", async () => {
  const [from, to] = [uuidv7Bytes(), uuidv7Bytes()];
  await postAll([minted(from, "wood", 10n)]);
  const move = (amount: bigint): PostedTransaction => ({
    ...causeOf(),
    postings: [
      { account: playerOf(from, "wood"), amount: -amount },
      { account: playerOf(to, "wood"), amount },
    ],
  });
  await expect(postAll([move(11n)])).rejects.toThrow(RangeError);
  await postAll([move(4n)]);
  await postAll([
    {
      ...causeOf(),
      postings: [
        { account: playerOf(from, "wood"), amount: -6n },
        { account: burnOf("wood"), amount: 6n },
      ],
    },
  ]);
  expect(await balances(from)).toEqual([free("wood", 0n)]);
  expect(await balances(to)).toEqual([free("wood", 4n)]);
});

test("who comes to a balance that another transaction has in hand waits, and decides on what that one left", async () => {
  const account = uuidv7Bytes();
  const wood = playerOf(account, "wood");
  await postAll([minted(account, "wood", 11n)]);
  const burning = (amount: bigint) => ({
    ...causeOf(),
    postings: [
      { account: wood, amount: -amount },
      { account: burnOf("wood"), amount },
    ],
  });
  // So that what is opened is there, and nobody waits for that.
  await postAll([burning(1n)]);
  const named = { accounts: [wood], opened: [burnOf("wood")] };
  const mayGoOn = Promise.withResolvers<void>();
  const hasLocked = Promise.withResolvers<void>();
  const first = inTransactionWithWork(database.pool, newWork, async (transaction, work) => {
    await work.lock(transaction, [named]);
    const burned = burning(6n);
    work.rows.post(burned, burned.postings);
    hasLocked.resolve();
    await mayGoOn.promise;
  });
  await hasLocked.promise;
  let seen: bigint | undefined;
  const second = inTransactionWithWork(database.pool, newWork, async (transaction, work) => {
    await work.lock(transaction, [named]);
    seen = work.rows.balanceOf(wood);
  });
  await pause(300);
  expect(seen).toBeUndefined();
  mayGoOn.resolve();
  await Promise.all([first, second]);
  expect(seen).toBe(4n);
});

test("transactions that move between the same players at once neither deadlock nor lose anything", async () => {
  const accounts = [uuidv7Bytes(), uuidv7Bytes(), uuidv7Bytes()];
  await postAll(accounts.map((account) => minted(account, "wood", 1000n)));
  const moves = Array.from({ length: 120 }, (_, i): PostedTransaction => {
    const [from, to] = [accounts[i % 3]!, accounts[(i + 1 + (i % 2)) % 3]!];
    return {
      ...causeOf(),
      postings: [
        { account: playerOf(from, "wood"), amount: -1n },
        { account: playerOf(to, "wood"), amount: 1n },
      ],
    };
  });
  await Promise.all(moves.map((move) => postAll([move])));
  const after = await Promise.all(accounts.map((account) => balances(account)));
  expect(after.flat().reduce((sum, { amount }) => sum + amount, 0n)).toBe(3000n);
});

test("the service's role appends to the ledger and changes nothing in it, nor sees other schemas", async () => {
  for (const text of [
    "INSERT INTO inventory.ledger_account (owner, kind, asset) VALUES (gen_random_uuid(), 'player', 'wood')",
    "INSERT INTO inventory.transaction (transaction_id, kind, at) VALUES (gen_random_uuid(), 'x', now())",
    "INSERT INTO inventory.posting (transaction_id, ledger_account_id, amount) VALUES (gen_random_uuid(), 1, 1)",
    "UPDATE inventory.posting SET amount = amount + 1",
    "DELETE FROM inventory.posting",
    "UPDATE inventory.transaction SET kind = 'x'",
    "DELETE FROM inventory.transaction",
    "TRUNCATE inventory.posting",
    "UPDATE inventory.balance SET amount = 1000",
    "INSERT INTO inventory.balance (ledger_account_id, amount) VALUES (1, 1)",
    "DELETE FROM inventory.balance",
    "UPDATE inventory.hold SET remaining = amount",
    "DELETE FROM inventory.hold",
    "INSERT INTO inventory.hold SELECT * FROM inventory.hold",
    "UPDATE inventory.take SET state = 'refused'",
    "UPDATE inventory.site_taken SET given = 0",
    "UPDATE inventory.item SET owner = gen_random_uuid()",
    "INSERT INTO inventory.item SELECT * FROM inventory.item",
    "INSERT INTO inventory.item_move SELECT * FROM inventory.item_move",
    "DELETE FROM inventory.item_move",
    "UPDATE inventory.offer SET state = 'open'",
    "UPDATE inventory.offer_line SET amount = 1",
    "UPDATE inventory.account SET name = ''",
    "SELECT 1 FROM inventory.balance FOR UPDATE",
    "UPDATE inventory.result SET answer = ''",
    "DELETE FROM inventory.inbox",
    "ALTER TABLE inventory.posting DISABLE TRIGGER ALL",
    "SELECT 1 FROM world.journal",
    "SELECT 1 FROM control.dead_letter",
  ]) {
    const refused = database.pool.query(text).then(
      () => `${text}: allowed`,
      (error: { code: string }) => error.code,
    );
    expect(await refused).toBe("42501");
  }
  // The control: what it may do.
  await database.pool.query("SELECT 1 FROM inventory.posting, inventory.balance LIMIT 1");
});

test("plans that were made while the ledger was empty still find rows by their keys when it is not", async () => {
  const own = await openLedgerDatabase();
  /** Rows that were read, by whatever way, for each that was asked for. */
  const rowsRead = async (): Promise<number> => {
    // Statistics come up to a second late.
    await pause(1_200);
    const { rows } = await own.admin.query<{ n: string }>(
      `SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) AS n FROM pg_stat_user_tables
       WHERE relname IN ('ledger_account', 'posting', 'balance', 'transaction', 'hold')`,
    );
    return Number(rows[0]!.n);
  };
  const account = uuidv7Bytes();
  const moved = 128;
  /** Holds and credits, and what reads them; rows read in one batch. */
  const batch = async (): Promise<void> => {
    const credits = Array.from({ length: moved }, () => minted(uuidv7Bytes(), "wood", 1n));
    await postAll([...credits, minted(account, "wood", BigInt(moved))], own);
    const holds = Array.from({ length: moved }, () => ({ ...causeOf(), holdId: uuidv7Bytes() }));
    const named = {
      accounts: [playerOf(account, "wood"), holdOf(account, "wood")],
      opened: [holdOf(account, "wood")],
      holds: holds.map(({ holdId }) => holdId),
    };
    await inTransactionWithWork(own.pool, newWork, async (transaction, work) => {
      await work.lock(transaction, [named]);
      for (const { holdId, ...cause } of holds) {
        work.rows.post(cause, [
          { account: playerOf(account, "wood"), amount: -1n },
          { account: holdOf(account, "wood"), amount: 1n },
        ]);
        const of = { service: "market", account, asset: "wood", fee: 0n, reason: "", atMs: 1n };
        work.rows.addHold({ ...of, holdId, amount: 1n, remaining: 1n, state: "held" });
      }
    });
    await inTransactionWithWork(own.pool, newWork, async (transaction, work) => {
      await work.lock(transaction, [named]);
      for (const { holdId } of holds) {
        work.rows.post(causeOf(), [
          { account: holdOf(account, "wood"), amount: -1n },
          { account: playerOf(account, "wood"), amount: 1n },
        ]);
        work.rows.drawHold(holdId, 1n);
      }
    });
    await own.inTransaction(async (transaction) => {
      await balancesOf(transaction, account, { limit: 9, after: "" });
      await historyOf(transaction, account, { limit: 9, before: 0n });
    });
  };
  try {
    for (let n = 0; n < 12; n++) await batch();
    const before = await rowsRead();
    for (let n = 0; n < 4; n++) await batch();
    const each = ((await rowsRead()) - before) / (4 * 3 * moved);
    expect(each).toBeLessThan(25);
    // The control: a scan is counted.
    await own.pool.query("SELECT count(*) FROM inventory.posting WHERE amount = 77");
    expect((await rowsRead()) - before).toBeGreaterThan(5_000);
  } finally {
    await own.close();
  }
}, 60_000);
