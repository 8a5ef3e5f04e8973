import { StoreOutageError } from "@hexhold/domain";
import { hexAt } from "@hexhold/hex";
import { uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { openPool } from "@hexhold/postgres";
import type { FreshDatabase } from "@hexhold/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newRefreshToken } from "../rules/refresh-token.ts";
import {
  bansSince,
  findAccount,
  findResidence,
  insertAccount,
  moveResidence,
  namesOf,
  setBan,
} from "./account-rows.ts";
import { type Database, openDatabase } from "./database.ts";
import { freshSchema } from "./fresh-schema.testing.ts";
import { endLogin, endedSince, startLogin, sweepLogins, useRefreshToken } from "./login-rows.ts";
import { claimDuties, moveDuty, settleDuty } from "./spawn-rows.ts";

const key = { hexId: hexAt(52.52, 13.405), layerId: 0 };
const passwordHash = "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$aGFzaA";
const id = (): string => uuidText(uuidv7Bytes());

let fresh: FreshDatabase;
let database: Database;
let roleUrl: string;
/** World time minus this machine's clock, and PostgreSQL's. */
let aheadMs = 0;

beforeAll(async () => {
  ({ fresh, roleUrl } = await freshSchema());
  database = await openDatabase(roleUrl, "test", () => Date.now() + aheadMs);
});
afterAll(async () => {
  await database.close();
  await fresh.drop();
});

async function newAccount(name: string): Promise<string> {
  const accountId = id();
  const spawn = { spawnRequestId: id(), spawnKey: key };
  expect(await insertAccount(database, { accountId, name, passwordHash, ...spawn })).toBe(true);
  return accountId;
}

async function newLogin(accountId: string, ttlMs = 60_000, loginsMax = 20): Promise<Uint8Array> {
  const { hash } = newRefreshToken();
  await startLogin(database, { loginId: id(), accountId, tokenHash: hash, ttlMs, loginsMax });
  return hash;
}

async function use(presentedHash: Uint8Array, requestId = id()) {
  const { hash: nextHash } = newRefreshToken();
  const used = await useRefreshToken(database, {
    presentedHash,
    nextHash,
    requestId,
    ttlMs: 60_000,
  });
  return { verdict: used?.verdict, nextHash };
}

test("the service's role has its own schema, and changes there no more than it must", async () => {
  const accountId = await newAccount("role-test");
  const pool = openPool({ url: roleUrl, applicationName: "test" }, 1);
  try {
    for (const text of [
      "SELECT * FROM world.journal",
      "SELECT * FROM control.dead_letter",
      "UPDATE accounts.account SET name = 'other'",
      `DELETE FROM accounts.account WHERE account_id = '${accountId}'`,
    ]) {
      await expect(pool.query(text)).rejects.toMatchObject({ code: "42501" });
    }
    expect((await pool.query("SELECT name FROM accounts.account")).rowCount).toBe(1);
  } finally {
    await pool.end();
  }
});

test("a name belongs to one account whatever the case, and is found so", async () => {
  const accountId = await newAccount("Twice");
  const again = { accountId: id(), spawnRequestId: id(), spawnKey: key };
  expect(await insertAccount(database, { ...again, name: "tWICE", passwordHash })).toBe(false);
  expect(await findAccount(database, "TWICE")).toMatchObject({ accountId, name: "Twice" });
});

test("names are those of the accounts that there are, and each as it was registered", async () => {
  const ids = [await newAccount("Named"), await newAccount("other-named")];
  const names = await namesOf(database, [...ids, id(), ids[0]!]);
  expect(names.toSorted((a, b) => a.name.localeCompare(b.name))).toEqual([
    { accountId: ids[0], name: "Named" },
    { accountId: ids[1], name: "other-named" },
  ]);
  expect(await namesOf(database, [id()])).toEqual([]);
});

test("of many who use a token at once one gets the next, and the login is ended", async () => {
  const hash = await newLogin(await newAccount("race"));
  const results = await Promise.all(Array.from({ length: 6 }, () => use(hash)));
  const verdicts = results.map(({ verdict }) => verdict);
  expect(verdicts.filter((verdict) => verdict === "rotate")).toHaveLength(1);
  expect(verdicts.filter((verdict) => verdict === "theft")).toHaveLength(1);
  const winner = results.find(({ verdict }) => verdict === "rotate")!;
  expect((await use(winner.nextHash)).verdict).toBe("bad-refresh-token");
});

test("the same request at once gets the next token each time, and no theft is seen", async () => {
  const hash = await newLogin(await newAccount("repeat"));
  const requestId = id();
  const results = await Promise.all([1, 2, 3].map(() => use(hash, requestId)));
  expect(results.filter(({ verdict }) => verdict === "rotate")).toHaveLength(1);
  expect(results.filter(({ verdict }) => verdict === "repeat")).toHaveLength(2);
  for (const { nextHash } of results) expect((await use(nextHash)).verdict).toBe("rotate");
});

test("the oldest logins of an account end beyond its limit", async () => {
  const accountId = await newAccount("many");
  const hashes: Uint8Array[] = [];
  for (let n = 0; n < 3; n++) hashes.push(await newLogin(accountId, 60_000, 2));
  const verdicts = await Promise.all(hashes.map(async (hash) => (await use(hash)).verdict));
  expect(verdicts).toEqual(["bad-refresh-token", "rotate", "rotate"]);
});

test("bans and logouts are told from a time on, each with its newest state", async () => {
  const accountId = await newAccount("banned");
  const hash = await newLogin(accountId);
  const sinceMs = Date.now() - 1000;
  expect((await setBan(database, { name: "BANNED" }, Infinity, "why"))?.bannedUntilMs).toBe(
    Infinity,
  );
  expect((await use(hash)).verdict).toBe("banned");
  await setBan(database, { accountId }, undefined, "");
  expect(await setBan(database, { name: "nobody" }, Infinity, "")).toBeUndefined();
  const ended = await endLogin(database, hash);
  expect(await endLogin(database, hash)).toBeUndefined();
  const bans = await bansSince(database.run, sinceMs, 10);
  expect(bans).toMatchObject([{ accountId, bannedUntilMs: undefined }]);
  const logouts = await endedSince(database.run, sinceMs, 100);
  expect(logouts.map(({ loginId }) => loginId)).toContain(ended?.loginId);
  expect(await bansSince(database.run, Date.now() + 60_000, 10)).toEqual([]);
});

test("a duty is one process's at a time, and is owed until its outcome is stored", async () => {
  await claimDuties(database, 100, 60_000);
  const accountId = await newAccount("owed");
  const claims = await Promise.all([1, 2].map(() => claimDuties(database, 10, 100)));
  const [duty, ...others] = claims.flat();
  expect(others).toEqual([]);
  expect(duty).toMatchObject({ accountId, key, hexesFull: 0 });
  const other = { hexId: hexAt(48.1, 11.6), layerId: 0 };
  await moveDuty(database, duty!, { requestId: id(), key: other, delayMs: 0 });
  // What is said of the earlier request comes too late.
  await settleDuty(database, duty!);
  expect((await findAccount(database, "owed"))?.residence).toBeUndefined();
  const [moved] = await claimDuties(database, 10, 0);
  expect(moved).toMatchObject({ accountId, key: other, hexesFull: 1 });
  await settleDuty(database, moved!);
  expect((await findAccount(database, "owed"))?.residence).toEqual(other);
  expect(await claimDuties(database, 10, 0)).toEqual([]);
});

test("sweeping removes what has expired, and nothing else", async () => {
  const accountId = await newAccount("swept");
  const kept = await newLogin(accountId);
  const gone = await newLogin(accountId, -1000);
  expect(await sweepLogins(database, 1000)).toBe(1);
  expect(await sweepLogins(database, 1000)).toBe(0);
  expect((await use(gone)).verdict).toBeUndefined();
  expect((await use(kept)).verdict).toBe("rotate");
});

test("what expires and is due follows world time, and not a clock that was set", async () => {
  const hour = 3_600_000;
  const owed = async () => (await claimDuties(database, 100, 0)).map((duty) => duty.accountId);
  // PostgreSQL's clock is a day behind, and was set forward by one afterwards.
  aheadMs = 24 * hour;
  const accountId = await newAccount("clocked");
  const token = await newLogin(accountId, hour);
  aheadMs = 0;
  expect(await owed()).not.toContain(accountId);
  aheadMs = 24 * hour + 1000;
  expect(await owed()).toContain(accountId);
  await sweepLogins(database, 1000);
  expect((await use(token)).verdict).toBe("rotate");
  aheadMs = 26 * hour;
  expect((await use(await newLogin(accountId, -1000))).verdict).toBe("bad-refresh-token");
  aheadMs = 0;
});

test("a connection that ends inside a transaction is an outage, and nothing else", async () => {
  const admin = openPool({ url: fresh.url, applicationName: "test" }, 1);
  const cut = database.transaction(async (run) => {
    const [row] = await run<{ pid: number }>("pid", "SELECT pg_backend_pid() AS pid");
    await admin.query("SELECT pg_terminate_backend($1)", [row?.pid]);
    // Nobody is asking anything when it ends.
    await new Promise((resolve) => setTimeout(resolve, 200));
    await run("one", "SELECT 1");
  });
  await expect(cut).rejects.toBeInstanceOf(StoreOutageError);
  await admin.end();
  expect(await findAccount(database, "nobody-of-that-name")).toBeUndefined();
});

test("a player lives where its newest transfer took it, in whatever order the arrivals come", async () => {
  const accountId = await newAccount("walker");
  const second = { hexId: hexAt(50, 10), layerId: 0 };
  await moveResidence(database, accountId, second, 2n);
  await moveResidence(database, accountId, key, 1n);
  await moveResidence(database, accountId, key, 2n);
  expect(await findResidence(database, accountId)).toEqual(second);
  await moveResidence(database, accountId, key, 3n);
  expect(await findResidence(database, accountId)).toEqual(key);
});
