import { GiveSchema, TakeSchema } from "@hexhold/gen/hexhold/inventory/v1/takes_pb";
import { uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { expectConserved } from "../../test/conserved.ts";
import { type RunningInventory, runInventory } from "../../test/running-inventory.ts";

let inventory: RunningInventory;

beforeAll(async () => {
  inventory = await runInventory();
});
afterEach(() => expectConserved(inventory.database));
afterAll(async () => inventory.close());

const hex = { hexId: 0x861f8d7b7ffffffn, layerId: 0 };
const worker = (account: Uint8Array) => ({ service: "worker", account });

/** An account that has brought `amount` of ten wood to a site. */
async function contributor(siteId: Uint8Array, amount: bigint): Promise<Uint8Array> {
  const accountId = await inventory.newAccount();
  await inventory.grant(accountId, "wood", 10n);
  const step = { takeId: uuidv7Bytes(), accountId, asset: "wood", amount, siteId, hex, atMs: 1n };
  await inventory.send(TakeSchema, step, worker(accountId));
  return accountId;
}

test("what a site gives back is at most what each has brought to it, and each gift is made once", async () => {
  const siteId = uuidv7Bytes();
  const [first, second] = [await contributor(siteId, 5n), await contributor(siteId, 2n)];
  const gift = (
    accountId: Uint8Array,
    amount: bigint,
    of: Partial<{ siteId: Uint8Array; asset: string }> = {},
  ) => ({
    giveId: uuidv7Bytes(),
    siteId,
    accountId,
    asset: "wood",
    amount,
    atMs: 1n,
    ...of,
  });
  const give = async (what: ReturnType<typeof gift>) =>
    (await inventory.send(GiveSchema, what, worker(what.accountId))).case;
  expect(await inventory.balances(first)).toEqual({ wood: "5" });
  const half = gift(first, 3n);
  expect(await give(half)).toBe("applied");
  expect(await give(half)).toBe("applied");
  expect(await inventory.balances(first)).toEqual({ wood: "8" });
  const lettersBefore = await inventory.letters();
  for (const wrong of [
    gift(first, 3n),
    gift(second, 3n),
    gift(second, 1n, { siteId: uuidv7Bytes() }),
    gift(second, 1n, { asset: "stone" }),
    gift(second, 1n, { asset: "No Name" }),
  ]) {
    expect(await give(wrong)).toBe("error");
  }
  expect(await inventory.letters()).toBe(lettersBefore + 5);
  expect(await give(gift(first, 2n))).toBe("applied");
  expect(await give(gift(second, 2n))).toBe("applied");
  expect([await inventory.balances(first), await inventory.balances(second)]).toEqual([
    { wood: "10" },
    { wood: "10" },
  ]);
});

test("records of steps go 30 days after their end and no earlier, and what is held stays", async () => {
  const account = await contributor(uuidv7Bytes(), 5n);
  const { admin, pool } = inventory.database;
  const takes = async (): Promise<number> => {
    const { rows } = await admin.query("SELECT 1 FROM inventory.take WHERE account = $1", [
      uuidText(account),
    ]);
    return rows.length;
  };
  const prune = async (days: number): Promise<void> => {
    await admin.query(
      `UPDATE inventory.take SET changed_at = clock_timestamp() - make_interval(days => $1)`,
      [days],
    );
    await pool.query("SELECT inventory.prune_steps(100, $1)", [Date.now()]);
  };
  await prune(29);
  expect(await takes()).toBe(1);
  await prune(31);
  expect(await takes()).toBe(0);
  // A clock that was set forward deletes nothing: two must agree.
  const later = await contributor(uuidv7Bytes(), 5n);
  await pool.query("SELECT inventory.prune_steps(100, $1)", [Date.now() + 40 * 86_400_000]);
  expect(await inventory.balances(later)).toEqual({ wood: "5" });
  const { rows } = await admin.query("SELECT 1 FROM inventory.take WHERE account = $1", [
    uuidText(later),
  ]);
  expect(rows).toHaveLength(1);
});
