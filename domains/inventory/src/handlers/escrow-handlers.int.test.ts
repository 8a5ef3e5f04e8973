import {
  CancelHoldSchema,
  HoldSchema,
  ReleaseSchema,
  SettleSchema,
} from "@hexhold/gen/hexhold/inventory/v1/holds_pb";
import { HoldEnd } from "@hexhold/gen/hexhold/market/v1/steps_pb";
import { uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { expectConserved } from "../../test/conserved.ts";
import { type RunningInventory, runInventory } from "../../test/running-inventory.ts";

let inventory: RunningInventory;

beforeAll(async () => {
  inventory = await runInventory();
});
afterEach(async () => {
  inventory.setClockAheadMs(0);
  await expectConserved(inventory.database);
});
afterAll(async () => inventory.close());

const market = (account: Uint8Array) => ({ service: "market", account });

function holdOf(accountId: Uint8Array, asset: string, amount: bigint, fee = 0n) {
  const holdId = uuidv7Bytes();
  return { holdId, accountId, asset, amount, fee, book: "wood", atMs: BigInt(Date.now()) };
}

/** Answers to a hold, in the order in which they came, once there are `count`. */
async function answersTo(holdId: Uint8Array, count: number) {
  const told = () =>
    inventory.ended
      .filter((end) => uuidText(end.holdId) === uuidText(holdId))
      .map(({ end, reason }) => (end === HoldEnd.HELD ? "held" : reason));
  await expect.poll(told, { timeout: 10_000, interval: 10 }).toHaveLength(count);
  return told();
}

async function rich(goods: Readonly<Record<string, bigint>>): Promise<Uint8Array> {
  const account = await inventory.newAccount();
  for (const [asset, amount] of Object.entries(goods))
    await inventory.grant(account, asset, amount);
  return account;
}

/** A buyer and a seller of ten wood at 7, with escrow. */
async function bothSides() {
  const buyer = await rich({ coin: 100n });
  const seller = await rich({ coin: 1n, wood: 10n });
  const buy = holdOf(buyer, "coin", 70n);
  const sell = holdOf(seller, "wood", 10n);
  await inventory.send(HoldSchema, buy, market(buyer));
  await inventory.send(HoldSchema, sell, market(seller));
  return { buyer, seller, buyHold: buy.holdId, sellHold: sell.holdId };
}

test("what is there is held and its fee burned; what is not is refused, and by what is lacking", async () => {
  const account = await rich({ coin: 12n, wood: 5n });
  const sale = holdOf(account, "wood", 5n, 2n);
  await inventory.send(HoldSchema, sale, market(account));
  expect(await answersTo(sale.holdId, 1)).toEqual(["held"]);
  expect(await inventory.balances(account)).toEqual({ coin: "10", "wood held": "5" });
  const refused = [
    [holdOf(account, "wood", 1n), "insufficient-goods"],
    [holdOf(account, "coin", 9n, 2n), "insufficient-coin"],
    [holdOf(account, "stone", 1n), "insufficient-goods"],
    [holdOf(account, "No Name!", 1n), "insufficient-goods"],
    [holdOf(account, "coin", 2n ** 63n - 1n), "insufficient-coin"],
    [holdOf(account, "coin", 1n, 2n ** 63n - 1n), "insufficient-coin"],
    [holdOf(await inventory.newAccount(), "coin", 1n), "insufficient-coin"],
  ] as const;
  for (const [step, reason] of refused) {
    await inventory.send(HoldSchema, step, market(account));
    expect(await answersTo(step.holdId, 1)).toEqual([reason]);
  }
  const poor = await rich({ wood: 5n });
  const noFee = holdOf(poor, "wood", 5n, 1n);
  await inventory.send(HoldSchema, noFee, market(poor));
  expect(await answersTo(noFee.holdId, 1)).toEqual(["insufficient-coin"]);
  expect(await inventory.balances(account)).toEqual({ coin: "10", "wood held": "5" });
});

test("the second hold of a queue message sees the first", async () => {
  const account = await rich({ coin: 10n });
  const steps = [6n, 6n, 4n].map((amount) => holdOf(account, "coin", amount));
  await inventory.sendBatch(
    uuidText(account),
    steps.map((step) => inventory.envelope(HoldSchema, step, market(account))),
  );
  const told = await Promise.all(steps.map(({ holdId }) => answersTo(holdId, 1)));
  expect(told).toEqual([["held"], ["insufficient-coin"], ["held"]]);
});

test("a trade is paid out of two holds, and what the buyer took too much comes back free", async () => {
  const { buyer, seller, buyHold, sellHold } = await bothSides();
  const settlement = {
    tradeId: uuidv7Bytes(),
    buyHold,
    sellHold,
    quantity: 4n,
    price: 5n,
    buyTake: 28n,
    tax: 3n,
    atMs: 5n,
  };
  await inventory.send(SettleSchema, settlement, market(buyer));
  expect(await inventory.balances(buyer)).toEqual({ coin: "38", "coin held": "42", wood: "4" });
  expect(await inventory.balances(seller)).toEqual({ coin: "18", "wood held": "6" });
  // Again, under another request, as by an operator: it finds itself.
  const again = await inventory.send(SettleSchema, settlement, market(buyer));
  expect(again).toMatchObject({ case: "applied" });
  expect(await inventory.balances(seller)).toEqual({ coin: "18", "wood held": "6" });
  // What is left is given back exactly, and once.
  for (const [holdId, amount] of [
    [buyHold, 42n],
    [sellHold, 6n],
  ] as const) {
    const release = { releaseId: uuidv7Bytes(), holdId, amount, atMs: 6n };
    for (const _time of [1, 2]) {
      const outcome = await inventory.send(ReleaseSchema, release, market(buyer));
      expect(outcome).toMatchObject({ case: "applied" });
    }
  }
  expect(await inventory.balances(buyer)).toEqual({ coin: "80", wood: "4" });
  expect(await inventory.balances(seller)).toEqual({ coin: "18", wood: "6" });
});

test("a release and a settlement of one hold may come in either order", async () => {
  const { buyer, seller, buyHold, sellHold } = await bothSides();
  // Of ten that were to be bought for 7 each six were matched, and four left the book.
  const release = { releaseId: uuidv7Bytes(), holdId: buyHold, amount: 28n, atMs: 1n };
  await inventory.send(ReleaseSchema, release, market(buyer));
  const fits = { buyHold, sellHold, quantity: 6n, price: 7n, buyTake: 42n, tax: 0n, atMs: 2n };
  const settled = await inventory.send(
    SettleSchema,
    { ...fits, tradeId: uuidv7Bytes() },
    market(buyer),
  );
  expect(settled).toMatchObject({ case: "applied" });
  expect(await inventory.balances(buyer)).toEqual({ coin: "58", wood: "6" });
  expect(await inventory.balances(seller)).toEqual({ coin: "43", "wood held": "4" });
});

test("a settlement that does not fit its holds is put aside, and moves nothing", async () => {
  const { buyer, seller, buyHold, sellHold } = await bothSides();
  const other = await rich({ stone: 3n });
  const stone = holdOf(other, "stone", 3n);
  await inventory.send(HoldSchema, stone, market(other));
  const fits = { buyHold, sellHold, quantity: 1n, price: 5n, buyTake: 7n, tax: 1n, atMs: 5n };
  const before = [await inventory.balances(buyer), await inventory.balances(seller)];
  const lettersBefore = await inventory.letters();
  const wrong = [
    { tax: 6n },
    { buyTake: 4n },
    { quantity: 11n, buyTake: 70n },
    { buyTake: 71n },
    { buyHold: sellHold },
    { sellHold: buyHold },
    { buyHold: stone.holdId },
    { sellHold: uuidv7Bytes() },
    { price: 2n ** 62n, quantity: 4n, buyTake: 2n ** 63n - 1n },
  ];
  for (const fault of wrong) {
    const settlement = { ...fits, ...fault, tradeId: uuidv7Bytes() };
    const outcome = await inventory.send(SettleSchema, settlement, market(buyer));
    expect(outcome).toMatchObject({ case: "error" });
  }
  // Of a service that has not asked for the holds.
  const release = { releaseId: uuidv7Bytes(), holdId: buyHold, amount: 1n, atMs: 1n };
  const forged = inventory.envelope(ReleaseSchema, release, { service: "chat", account: buyer });
  await inventory.sendBatch(uuidText(buyer), [forged]);
  expect(await inventory.letters()).toBe(lettersBefore + wrong.length + 1);
  expect([await inventory.balances(buyer), await inventory.balances(seller)]).toEqual(before);
});

test("an owed step that was put aside is done when its envelope comes again, and once", async () => {
  const { buyer, seller, buyHold, sellHold } = await bothSides();
  const fits = { buyHold, sellHold, quantity: 1n, price: 7n, buyTake: 7n, tax: 0n, atMs: 5n };
  const settle = inventory.envelope(
    SettleSchema,
    { ...fits, tradeId: uuidv7Bytes() },
    market(buyer),
  );
  const { admin } = inventory.database;
  await admin.query(`ALTER TABLE inventory.posting ADD CONSTRAINT none CHECK (false) NOT VALID`);
  const lettersBefore = await inventory.letters();
  await inventory.sendBatch(uuidText(buyer), [settle]);
  expect(await inventory.letters()).toBe(lettersBefore + 1);
  await admin.query(`ALTER TABLE inventory.posting DROP CONSTRAINT none`);
  expect(await inventory.balances(seller)).toEqual({ coin: "1", "wood held": "10" });
  await inventory.sendBatch(uuidText(buyer), [settle, settle]);
  await inventory.sendBatch(uuidText(buyer), [settle]);
  expect(await inventory.balances(seller)).toEqual({ coin: "8", "wood held": "9" });
});

test("trades of the same accounts in all queues at once neither deadlock nor lose anything", async () => {
  const accounts = await Promise.all(
    Array.from({ length: 6 }, () => rich({ coin: 10_000n, wood: 1_000n })),
  );
  const holds = await Promise.all(
    accounts.map(async (account) => {
      const buy = holdOf(account, "coin", 9_000n);
      const sell = holdOf(account, "wood", 900n);
      await inventory.send(HoldSchema, buy, market(account));
      await inventory.send(HoldSchema, sell, market(account));
      return { buy: buy.holdId, sell: sell.holdId };
    }),
  );
  const trades = Array.from({ length: 400 }, (_, n) => {
    const buyer = n % 6;
    const seller =
      (n * 5 + 1 + (n % 3)) % 6 === buyer ? (buyer + 1) % 6 : (n * 5 + 1 + (n % 3)) % 6;
    return inventory.envelope(
      SettleSchema,
      {
        tradeId: uuidv7Bytes(),
        buyHold: holds[buyer]!.buy,
        sellHold: holds[seller]!.sell,
        quantity: 2n,
        price: 3n,
        buyTake: 8n,
        tax: 1n,
        atMs: 1n,
      },
      market(accounts[buyer]!),
    );
  });
  // Each batch of ten is about many accounts, and the batches are in all queues.
  const batches = Array.from({ length: 40 }, (_, at) => trades.slice(at * 10, at * 10 + 10));
  await Promise.all(
    batches.map((batch, at) => inventory.sendBatch(uuidText(accounts[at % 6]!), batch)),
  );
  const { rows } = await inventory.database.admin.query<{ deadlocks: string }>(
    "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
  );
  expect(rows[0]?.deadlocks).toBe("0");
  const { rows: sums } = await inventory.database.admin.query<{ sum: string }>(
    `SELECT sum(b.amount) FROM inventory.balance AS b JOIN inventory.ledger_account AS a USING (ledger_account_id)
     WHERE a.owner = ANY ($1) AND a.asset = 'wood'`,
    [accounts.map(uuidText)],
  );
  expect(sums[0]?.sum).toBe("6000");
});

test("escrow that was asked for long ago is neither granted nor refused, and somebody is told", async () => {
  const account = await rich({ coin: 10n });
  const old = { ...holdOf(account, "coin", 5n), holdId: uuidv7Bytes(Date.now() - 31 * 86_400_000) };
  await inventory.send(HoldSchema, old, market(account));
  await inventory.send(CancelHoldSchema, old, market(account));
  const recent = holdOf(account, "coin", 5n);
  await inventory.send(HoldSchema, recent, market(account));
  expect(await answersTo(recent.holdId, 1)).toEqual(["held"]);
  expect(await answersTo(old.holdId, 0)).toEqual([]);
  expect(await inventory.balances(account)).toEqual({ coin: "5", "coin held": "5" });
  expect(await inventory.metrics.metricsText()).toContain(
    'hexhold_inventory_forgotten_steps_total{step="hold"} 2',
  );
});
