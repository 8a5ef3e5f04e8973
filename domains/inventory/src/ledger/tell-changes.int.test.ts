import { HoldSchema, SettleSchema } from "@hexhold/gen/hexhold/inventory/v1/holds_pb";
import { GrantSchema } from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import { uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RunningInventory, runInventory } from "../../test/running-inventory.ts";

let inventory: RunningInventory;

beforeAll(async () => {
  inventory = await runInventory();
});
afterAll(async () => inventory.close());

const market = (account: Uint8Array) => ({ service: "market", account });

/** `wood 5 3 settled`: asset, free, in escrow (`-`: not changed), cause. */
const heardBy = (account: Uint8Array): string[] =>
  inventory.told
    .filter((told) => told.account === uuidText(account))
    .map(({ event: { asset, available, held, cause } }) =>
      [asset, available ?? "-", held ?? "-", cause].join(" "),
    );

test("a player hears of each balance that a commit has changed, as it is then, and of no other", async () => {
  const [buyer, seller] = [await inventory.newAccount(), await inventory.newAccount()];
  await inventory.grant(buyer, "coin", 100n);
  await inventory.grant(seller, "wood", 10n);
  await inventory.grant(seller, "coin", 1n);
  expect(heardBy(buyer)).toEqual(["coin 100 - operator"]);
  expect(heardBy(seller)).toEqual(["wood 10 - operator", "coin 1 - operator"]);
  const hold = async (accountId: Uint8Array, asset: string, amount: bigint, fee: bigint) => {
    const holdId = uuidv7Bytes();
    const step = { holdId, accountId, asset, amount, fee, book: "wood", atMs: BigInt(Date.now()) };
    await inventory.send(HoldSchema, step, market(accountId));
    return holdId;
  };
  const buyHold = await hold(buyer, "coin", 70n, 1n);
  const sellHold = await hold(seller, "wood", 10n, 1n);
  expect(heardBy(buyer).slice(1)).toEqual(["coin 29 70 hold"]);
  expect(heardBy(seller).slice(2).toSorted()).toEqual(["coin 0 - hold", "wood 0 10 hold"]);
  // Refused: nothing has changed.
  await hold(seller, "wood", 1n, 0n);
  inventory.told.length = 0;
  await inventory.send(
    SettleSchema,
    {
      tradeId: uuidv7Bytes(),
      buyHold,
      sellHold,
      quantity: 4n,
      price: 6n,
      buyTake: 28n,
      tax: 2n,
      atMs: 1n,
    },
    market(buyer),
  );
  expect(heardBy(buyer).toSorted()).toEqual(["coin 33 42 trade", "wood 4 - trade"]);
  expect(heardBy(seller).toSorted()).toEqual(["coin 22 - trade", "wood - 6 trade"]);
});

test("what one commit does to a balance several times is one event", async () => {
  const account = await inventory.newAccount();
  const grant = (amount: bigint, asset = "wood") =>
    inventory.envelope(
      GrantSchema,
      { accountId: account, asset, amount, reason: "a test", grantId: uuidv7Bytes() },
      { service: "host", account },
    );
  await inventory.sendBatch(uuidText(account), [
    grant(1n),
    grant(2n),
    grant(9n, "stone"),
    grant(3n),
  ]);
  await expect.poll(() => heardBy(account)).toEqual(["wood 6 - operator", "stone 9 - operator"]);
});
