import { fromBinary } from "@bufbuild/protobuf";
import { RegisteredSchema } from "@hexhold/gen/hexhold/accounts/v1/events_pb";
import { decodeEnvelope, uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { createLogger } from "@hexhold/telemetry";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openFreshSchema } from "./store/fresh-schema.testing.ts";
import { startTellAccounts } from "./tell-accounts.ts";

let schema: Awaited<ReturnType<typeof openFreshSchema>>;

beforeAll(async () => {
  schema = await openFreshSchema();
});
afterAll(async () => schema.close());

const start = () =>
  startTellAccounts({
    database: schema.database,
    producer: { service: "accounts", version: "1", instance: "accounts-1" },
    worldNow: Date.now,
    logger: createLogger({ service: "accounts", instance: "test", level: "silent" }),
  });

async function addAccounts(count: number, prefix: string): Promise<void> {
  await schema.admin.query(
    `INSERT INTO accounts.account (account_id, name, password_hash)
     SELECT id, $2 || row_number() OVER (), '$argon2id$x' FROM unnest($1::uuid[]) AS id`,
    [Array.from({ length: count }, () => uuidText(uuidv7Bytes())), prefix],
  );
}

/** Every account is told of to all of them. */
async function told(): Promise<Map<string, number>> {
  const [inventory, governance] = [await toldTo("inventory"), await toldTo("governance")];
  expect(governance).toEqual(inventory);
  expect(await toldTo("chat")).toEqual(inventory);
  return inventory;
}

async function toldTo(service: string): Promise<Map<string, number>> {
  const { rows } = await schema.admin.query<{ destination: string; envelope: Buffer }>(
    "SELECT destination, envelope FROM accounts.outbox WHERE destination = $1",
    [service],
  );
  const names = new Map<string, number>();
  for (const { destination, envelope } of rows) {
    const { type, payload, subject } = decodeEnvelope(envelope);
    const { accountId, name, atMs } = fromBinary(RegisteredSchema, payload);
    expect(`${destination} ${type}`).toBe(`${service} evt.accounts.registered`);
    expect(uuidText(accountId)).toBe(subject);
    expect(Number(atMs)).toBeGreaterThan(Date.now() - 60_000);
    names.set(name, (names.get(name) ?? 0) + 1);
  }
  return names;
}

test("each account is told of once, those from before and those that come, by however many instances", async () => {
  await addAccounts(1_203, "old");
  const tellers = [start(), start(), start()];
  await expect.poll(async () => (await told()).size, { timeout: 20_000 }).toBe(1_203);
  await addAccounts(5, "new");
  for (const teller of tellers) teller.hint();
  await expect.poll(async () => (await told()).size, { timeout: 4_000 }).toBe(1_208);
  await Promise.all(tellers.map((teller) => teller.stop()));
  const names = await told();
  expect([...names.values()].filter((times) => times !== 1)).toEqual([]);
  const again = start();
  await addAccounts(1, "last");
  await expect.poll(async () => (await told()).size, { timeout: 10_000 }).toBe(1_209);
  await again.stop();
});

test("what cannot be written is told later, and nothing is noted as told that was not", async () => {
  await schema.admin.query("REVOKE INSERT ON accounts.outbox FROM hexhold_accounts");
  await addAccounts(1, "held");
  const teller = start();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { rows } = await schema.admin.query("SELECT name FROM accounts.account WHERE NOT is_told");
  expect(rows).toEqual([{ name: "held1" }]);
  await schema.admin.query("GRANT INSERT ON accounts.outbox TO hexhold_accounts");
  await expect.poll(async () => (await told()).get("held1"), { timeout: 10_000 }).toBe(1);
  await teller.stop();
});
