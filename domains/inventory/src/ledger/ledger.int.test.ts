import { setTimeout as pause } from "node:timers/promises";
import { mint, type Posting } from "@hexhold/actor";
import { uuidv7Bytes } from "@hexhold/messaging";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LedgerDatabase, openLedgerDatabase } from "../../test/ledger-database.ts";
import type { LedgerTransaction } from "../rules/ledger-transaction.ts";
import { balancesOf, historyOf, post } from "./ledger.ts";

let database: LedgerDatabase;

beforeAll(async () => {
  database = await openLedgerDatabase();
});

afterAll(async () => database.close());

const causeOf = () => ({ transactionId: uuidv7Bytes(), kind: "test", atMs: 1_700_000_000_123n });
const mintOf = (accountId: Uint8Array, asset: string, amount: bigint): LedgerTransaction => ({
  ...causeOf(),
  postings: mint(accountId, asset, amount),
});
const postAll = (...posted: LedgerTransaction[]) =>
  database.inTransaction((transaction) => post(transaction, posted));
const balances = (account: Uint8Array, limit = 100, after = "") =>
  database.inTransaction((transaction) => balancesOf(transaction, account, { limit, after }));
const history = (account: Uint8Array, limit = 100, before = 0n) =>
  database.inTransaction((transaction) => historyOf(transaction, account, { limit, before }));
const player = (accountId: Uint8Array, amount: bigint, asset = "wood"): Posting => ({
  holder: { kind: "player", accountId },
  asset,
  amount,
});

test("what is minted is there, by asset, and its history newest first, page by page", async () => {
  const account = uuidv7Bytes();
  const minted = (["wood", "stone", "wood", "food"] as const).map((asset, i) =>
    mintOf(account, asset, BigInt(i + 1)),
  );
  await postAll(...minted.slice(0, 3));
  await postAll(minted[3]!);
  expect(await balances(account)).toEqual([
    { asset: "food", amount: 4n },
    { asset: "stone", amount: 2n },
    { asset: "wood", amount: 4n },
  ]);
  expect(await balances(account, 1, "food")).toEqual([{ asset: "stone", amount: 2n }]);
  const all = await history(account);
  expect(all.map(({ asset, amount }) => `${asset} ${amount}`)).toEqual([
    "food 4",
    "wood 3",
    "stone 2",
    "wood 1",
  ]);
  expect(all[0]).toMatchObject({ kind: "test", atMs: 1_700_000_000_123n });
  expect(all.map(({ transactionId }) => transactionId)).toEqual(
    minted.map(({ transactionId }) => transactionId).toReversed(),
  );
  const page = await history(account, 2);
  expect([...page, ...(await history(account, 2, page[1]!.entryId))]).toEqual(all);
  expect(await balances(uuidv7Bytes())).toEqual([]);
  expect(await history(uuidv7Bytes())).toEqual([]);
});

test("one cause has one transaction, in one batch and in another", async () => {
  const account = uuidv7Bytes();
  const once = mintOf(account, "wood", 5n);
  await postAll(once);
  await postAll(once, mintOf(account, "wood", 1n));
  expect(await balances(account)).toEqual([{ asset: "wood", amount: 6n }]);
});

test("postings that do not sum to zero per asset are not committed", async () => {
  const account = uuidv7Bytes();
  const minted = (amount: bigint, asset = "wood"): Posting => ({
    holder: { kind: "mint" },
    asset,
    amount,
  });
  for (const postings of [
    [player(account, 5n)],
    [minted(-4n), player(account, 5n)],
    [minted(-5n, "stone"), player(account, 5n)],
  ]) {
    await expect(postAll({ ...causeOf(), postings })).rejects.toMatchObject({
      code: "23514",
      constraint: "zero_sum",
    });
  }
  expect(await balances(account)).toEqual([]);
  // A posting that is added to an old transaction is checked, too.
  const old = mintOf(account, "wood", 5n);
  await postAll(old);
  await expect(
    database.admin.query(
      `INSERT INTO inventory.posting (transaction_id, ledger_account_id, amount)
       SELECT $1, ledger_account_id, 7 FROM inventory.ledger_account WHERE kind = 'mint' AND asset = 'stone'`,
      [Buffer.from(old.transactionId).toString("hex")],
    ),
  ).rejects.toMatchObject({ constraint: "zero_sum" });
});

test("a player's balance never falls below zero; what is there may be moved and burnt", async () => {
  const [from, to] = [uuidv7Bytes(), uuidv7Bytes()];
  await postAll(mintOf(from, "wood", 10n));
  const move = (amount: bigint): LedgerTransaction => ({
    ...causeOf(),
    postings: [player(from, -amount), player(to, amount)],
  });
  await expect(postAll(move(11n))).rejects.toMatchObject({ code: "23514" });
  await postAll(move(4n));
  await postAll({
    ...causeOf(),
    postings: [player(from, -6n), { holder: { kind: "burn" }, asset: "wood", amount: 6n }],
  });
  expect(await balances(from)).toEqual([{ asset: "wood", amount: 0n }]);
  expect(await balances(to)).toEqual([{ asset: "wood", amount: 4n }]);
});

test("transactions that move between the same players at once neither deadlock nor lose anything", async () => {
  const accounts = [uuidv7Bytes(), uuidv7Bytes(), uuidv7Bytes()];
  await postAll(...accounts.map((account) => mintOf(account, "wood", 1000n)));
  const moves = Array.from({ length: 120 }, (_, i): LedgerTransaction => {
    const [from, to] = [accounts[i % 3]!, accounts[(i + 1 + (i % 2)) % 3]!];
    return { ...causeOf(), postings: [player(from, -1n), player(to, 1n)] };
  });
  await Promise.all(moves.map((move) => postAll(move)));
  const after = await Promise.all(accounts.map((account) => balances(account)));
  expect(after.flat().reduce((sum, { amount }) => sum + amount, 0n)).toBe(3000n);
});

test("balances are the sums of postings, and the whole ledger sums to zero", async () => {
  const { rows } = await database.admin.query(
    `SELECT ledger_account_id, b.amount, sum(p.amount) FROM inventory.balance AS b
     JOIN inventory.posting AS p USING (ledger_account_id) GROUP BY 1, 2 HAVING b.amount <> sum(p.amount)`,
  );
  expect(rows).toEqual([]);
  const { rows: sums } = await database.admin.query<{ asset: string; sum: string; n: string }>(
    `SELECT asset, sum(amount), count(*) AS n FROM inventory.posting
     JOIN inventory.ledger_account USING (ledger_account_id) GROUP BY asset`,
  );
  expect(sums.length).toBeGreaterThan(2);
  expect(sums.filter(({ sum }) => sum !== "0")).toEqual([]);
});

test("the service's role appends to the ledger and changes nothing in it, nor sees other schemas", async () => {
  for (const text of [
    "UPDATE inventory.posting SET amount = amount + 1",
    "DELETE FROM inventory.posting",
    "UPDATE inventory.transaction SET kind = 'x'",
    "DELETE FROM inventory.transaction",
    "TRUNCATE inventory.posting",
    "UPDATE inventory.balance SET amount = 1000",
    "INSERT INTO inventory.balance (ledger_account_id, amount) VALUES (1, 1)",
    "DELETE FROM inventory.balance",
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
  const scans = async (): Promise<number> => {
    // Statistics come up to a second late.
    await pause(1_200);
    const { rows } = await own.admin.query<{ n: string }>(
      `SELECT sum(seq_scan) AS n FROM pg_stat_user_tables
       WHERE relname IN ('ledger_account', 'posting', 'balance', 'transaction')`,
    );
    return Number(rows[0]!.n);
  };
  const postMany = async (batches: number): Promise<void> => {
    for (let n = 0; n < batches; n++) {
      const credits = Array.from({ length: 128 }, () => mintOf(uuidv7Bytes(), "wood", 1n));
      await own.inTransaction((transaction) => post(transaction, credits));
    }
  };
  try {
    await postMany(8);
    const before = await scans();
    await postMany(8);
    const after = await scans();
    expect(after - before).toBeLessThan(8);
    // The control: a scan is counted.
    await own.pool.query("SELECT count(*) FROM inventory.posting WHERE amount = 77");
    expect(await scans()).toBeGreaterThan(after);
  } finally {
    await own.close();
  }
});
