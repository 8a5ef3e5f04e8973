import { hexAt, type Key, keyText } from "@hexhold/hex";
import { uuidText, uuidv7Bytes } from "@hexhold/messaging";
import type { PgPool } from "@hexhold/postgres";
import { createLogger } from "@hexhold/telemetry";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { findAccount, insertAccount } from "../store/account-rows.ts";
import type { Database } from "../store/database.ts";
import { openFreshSchema } from "../store/fresh-schema.testing.ts";
import { claimDuties } from "../store/spawn-rows.ts";
import { type SendSpawn, type SpawnRelay, startSpawnRelay } from "./spawn-relay.ts";

const hexes: readonly Key[] = [52.52, 48.1, 50.1].map((lat) => ({
  hexId: hexAt(lat, 11),
  layerId: 0,
}));
const [first, second, third] = hexes as [Key, Key, Key];
const id = (): string => uuidText(uuidv7Bytes());
const deadMs = 400;

let database: Database;
let admin: PgPool;
let close: () => Promise<void>;
let relay: SpawnRelay;
/** What hexes answer, by key text; they are in order unless said otherwise. */
let answers: Map<string, Awaited<ReturnType<SendSpawn>>>;
let sends: { key: string; requestId: string; atMs: number }[];

beforeAll(async () => {
  ({ database, admin, close } = await openFreshSchema());
});
beforeEach(async () => {
  await admin.query("TRUNCATE accounts.account CASCADE");
  answers = new Map();
  sends = [];
  relay = startSpawnRelay({
    database,
    send({ key, requestId }) {
      sends.push({ key: keyText(key), requestId, atMs: performance.now() });
      return Promise.resolve(answers.get(keyText(key)) ?? "spawned");
    },
    hexes,
    worldNow: () => Date.now(),
    onSpawned: () => undefined,
    logger: createLogger({ service: "accounts", instance: "test", level: "silent" }),
    deadMs,
  });
});
afterEach(() => relay.stop());
afterAll(() => close());

async function register(name: string): Promise<void> {
  await insertAccount(database, {
    accountId: id(),
    name,
    passwordHash: "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$aGFzaA",
    spawnRequestId: id(),
    spawnKey: relay.nextKey,
  });
  relay.hint();
}

const homeOf = async (name: string): Promise<string | undefined> => {
  const residence = (await findAccount(database, name))?.residence;
  return residence === undefined ? undefined : keyText(residence);
};

test("a quarantined hex is left for the next one once its command is dead, and newcomers pass it by", async () => {
  answers.set(keyText(first), "hex-quarantined");
  await register("anna");
  await vi.waitFor(async () => expect(await homeOf("anna")).toBe(keyText(second)), 5000);
  expect(sends.map(({ key }) => key)).toEqual([keyText(first), keyText(second)]);
  expect(sends[1]!.atMs - sends[0]!.atMs).toBeGreaterThanOrEqual(deadMs);
  expect(sends[1]!.requestId).not.toBe(sends[0]!.requestId);
  expect(relay.nextKey).toEqual(second);
  await register("berta");
  await vi.waitFor(async () => expect(await homeOf("berta")).toBe(keyText(second)), 5000);
  expect(sends).toHaveLength(3);
});

test("while the command may still be executed, another process that takes the duty keeps it where it is", async () => {
  answers.set(keyText(first), "hex-quarantined");
  await register("clara");
  await vi.waitFor(() => expect(sends).toHaveLength(1), 5000);
  await vi.waitFor(async () => {
    const { rows } = await admin.query(
      "UPDATE accounts.spawn_duty SET next_at = clock_timestamp() WHERE next_at > clock_timestamp() + interval '15 s' RETURNING 1",
    );
    expect(rows).toHaveLength(1);
  }, 5000);
  const [taken] = await claimDuties(database, 1, 60_000);
  expect(taken).toMatchObject({ key: first, requestId: sends[0]!.requestId });
  await new Promise((resolve) => setTimeout(resolve, 3 * deadMs));
  const { rows } = await admin.query<{ request_id: string; hex_id: string }>(
    "SELECT request_id, hex_id FROM accounts.spawn_duty",
  );
  expect(rows).toEqual([{ request_id: taken!.requestId, hex_id: String(first.hexId) }]);
});

test("what is full and what is quarantined is passed, whichever comes first", async () => {
  answers.set(keyText(first), "hex-full").set(keyText(second), "hex-quarantined");
  await register("doris");
  await vi.waitFor(async () => expect(await homeOf("doris")).toBe(keyText(third)), 5000);
  await register("emma");
  await vi.waitFor(async () => expect(await homeOf("emma")).toBe(keyText(third)), 5000);
});

test("where every hex is quarantined players are owed, and are born when one is mended", async () => {
  for (const hex of hexes) answers.set(keyText(hex), "hex-quarantined");
  await register("frieda");
  await vi.waitFor(() => expect(new Set(sends.map(({ key }) => key)).size).toBe(3), {
    timeout: 10_000,
  });
  expect(await relay.spawned("frieda", 1)).toBe(false);
  answers.clear();
  await vi.waitFor(
    async () => {
      await admin.query("UPDATE accounts.spawn_duty SET next_at = clock_timestamp()");
      relay.hint();
      expect(await homeOf("frieda")).toBeDefined();
    },
    { timeout: 5000, interval: 100 },
  );
});
