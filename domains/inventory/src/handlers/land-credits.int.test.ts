/** What the reference game's land is worth: rewards of contributions, shares of a tax, plaques. */
import { create } from "@bufbuild/protobuf";
import {
  ContributedSchema,
  ContributorSchema,
  GatheredSchema,
  SiteFinishedSchema,
  SiteStartedSchema,
} from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { Resource, SiteKind } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RunningInventory, runInventory } from "../../test/running-inventory.ts";

let inventory: RunningInventory;
beforeAll(async () => {
  inventory = await runInventory();
});
afterAll(async () => inventory.close());

const key = uuidText(uuidv7Bytes());
const worker = { service: "worker" } as const;

/** Waits until what was sent is handled, by a message of the same queue that is answered. */
async function sendTwice(envelope: Uint8Array): Promise<void> {
  await inventory.sendBatch(key, [envelope, envelope]);
  await inventory.sendBatch(key, [envelope]);
}

async function itemsOf(account: Uint8Array, of = inventory) {
  const { rows } = await of.database.admin.query<{ item_id: string; kind: string; text: string }>(
    `SELECT item_id, kind, convert_from(attributes, 'UTF8') AS text FROM inventory.item WHERE owner = $1`,
    [uuidText(account)],
  );
  return rows;
}

test("a contribution is paid once, however often its event comes", async () => {
  const account = await inventory.newAccount();
  const contributed = create(ContributedSchema, {
    contributionId: uuidv7Bytes(),
    accountId: account,
    resource: Resource.STONE,
    amount: 3n,
    value: 6n,
    coin: 6n,
    atMs: 5n,
  });
  await sendTwice(inventory.envelope(ContributedSchema, contributed, worker));
  await expect.poll(() => inventory.balances(account)).toEqual({ coin: "6" });
});

test("both shares of what is gathered are one transaction", async () => {
  const [player, owner] = [await inventory.newAccount(), await inventory.newAccount()];
  const gathered = { playerId: player, resource: Resource.ORE, amount: 10n, atMs: 5n };
  await sendTwice(
    inventory.envelope(GatheredSchema, { ...gathered, owner, ownerAmount: 2n }, worker),
  );
  await expect.poll(() => inventory.balances(owner)).toEqual({ ore: "2" });
  expect(await inventory.balances(player)).toEqual({ ore: "8" });
  const { rows } = await inventory.database.admin.query(
    `SELECT count(DISTINCT transaction_id)::int AS n FROM inventory.posting
     JOIN inventory.ledger_account USING (ledger_account_id) WHERE owner = ANY ($1::uuid[])`,
    [[uuidText(player), uuidText(owner)]],
  );
  expect(rows).toEqual([{ n: 1 }]);
});

test("a site pays all its contributors at its start, and who gave most gets a plaque at its end", async () => {
  const [small, great] = [await inventory.newAccount(), await inventory.newAccount()];
  const contributors = [
    create(ContributorSchema, { accountId: small, value: 3n, coin: 3n }),
    create(ContributorSchema, { accountId: great, value: 9n, coin: 9n }),
  ];
  const siteId = uuidv7Bytes();
  const started = { siteId, kind: SiteKind.WELL, contributors, atMs: 5n };
  await sendTwice(inventory.envelope(SiteStartedSchema, started, worker));
  await expect.poll(() => inventory.balances(great)).toEqual({ coin: "9" });
  expect(await inventory.balances(small)).toEqual({ coin: "3" });
  const plaqueId = uuidv7Bytes();
  const finished = { ...started, plaqueId, hex: "861f1d48fffffff" };
  await sendTwice(inventory.envelope(SiteFinishedSchema, finished, worker));
  await expect.poll(() => itemsOf(great)).toHaveLength(1);
  const [plaque] = await itemsOf(great);
  expect(plaque).toMatchObject({ item_id: uuidText(plaqueId), kind: "plaque" });
  expect(JSON.parse(plaque!.text)).toMatchObject({ hex: "861f1d48fffffff", building: "well" });
  expect(await itemsOf(small)).toEqual([]);
  expect(await inventory.letters()).toBe(0);
});

test("without plaques the transaction is there, and no item", async () => {
  const plain = await runInventory({ plaques: false });
  try {
    const account = await plain.newAccount();
    const contributors = [create(ContributorSchema, { accountId: account, value: 3n, coin: 3n })];
    const finished = { contributors, kind: SiteKind.WELL, plaqueId: uuidv7Bytes(), atMs: 5n };
    await plain.sendBatch(key, [plain.envelope(SiteFinishedSchema, finished, worker)]);
    await expect
      .poll(async () => {
        const { rows } = await plain.database.admin.query("SELECT kind FROM inventory.transaction");
        return rows;
      })
      .toEqual([{ kind: "site-finished" }]);
    expect(await itemsOf(account, plain)).toEqual([]);
  } finally {
    await plain.close();
  }
});
