import { readFile } from "node:fs/promises";
import { hexAt, type Key } from "@hexhold/hex";
import { uuidText, uuidv7Bytes } from "@hexhold/messaging";
import type { PgPool } from "@hexhold/postgres";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { insertAccount, moveResidence } from "./account-rows.ts";
import type { Database } from "./database.ts";
import { openFreshSchema } from "./fresh-schema.testing.ts";
import {
  claimPresences,
  countPresences,
  type DuePresence,
  postponePresence,
  renewPresence,
  settlePresence,
} from "./presence-rows.ts";
import { endSilentGateway, type ReportedSessionRow, takeReport } from "./session-rows.ts";

const here: Key = { hexId: hexAt(52.52, 13.405), layerId: 0 };
const there: Key = { hexId: hexAt(48.1, 11.6), layerId: 3 };
const noGraceMs = 0;
const id = (): string => uuidText(uuidv7Bytes());

let database: Database;
let admin: PgPool;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ database, admin, close } = await openFreshSchema());
});
beforeEach(async () => {
  await admin.query("TRUNCATE accounts.session, accounts.gateway, accounts.presence");
});
afterAll(() => close());

/** A gateway that has said that it holds nothing. */
class Gateway {
  readonly gatewayId = id();
  number = 0;
  static async begun(): Promise<Gateway> {
    const gateway = new Gateway();
    await gateway.list([]);
    return gateway;
  }
  /** Says it under the next number, or under `number`. */
  async say(sessions: readonly ReportedSessionRow[], more: Partial<Report> = {}): Promise<boolean> {
    const { graceMs = noGraceMs, number = ++this.number, ...list } = more;
    const report = { listBegins: false, listEnds: false, ...list, number, sessions };
    return takeReport(
      database,
      { ...report, gatewayId: this.gatewayId, instance: "gateway-1" },
      graceMs,
    );
  }
  list(sessions: readonly ReportedSessionRow[]): Promise<boolean> {
    return this.say(sessions, { listBegins: true, listEnds: true });
  }
}
interface Report {
  readonly graceMs: number;
  readonly number: number;
  readonly listBegins: boolean;
  readonly listEnds: boolean;
}

const begun = (accountId: string, sessionId = id(), residence?: Key): ReportedSessionRow => ({
  accountId,
  sessionId,
  held: true,
  residence,
});
const gone = (session: ReportedSessionRow): ReportedSessionRow => ({ ...session, held: false });
const due = (limit = 100): Promise<readonly DuePresence[]> =>
  claimPresences(database, limit, 0, Date.now());
const dueAccounts = async (): Promise<string[]> =>
  (await due()).map(({ accountId }) => accountId).toSorted();

test("an account whose session is gone is due after the grace, with its session and where it was", async () => {
  const gateway = await Gateway.begun();
  const session = begun(id(), id(), here);
  await gateway.say([session]);
  expect(await due()).toEqual([]);
  await gateway.say([{ ...gone(session), residence: there }], { graceMs: 60_000 });
  expect(await due()).toEqual([]);
  expect(await countPresences(database)).toEqual({ sessions: 0, waiting: 1 });
  await admin.query(
    "UPDATE accounts.presence SET next_at = clock_timestamp() - interval '1 second'",
  );
  const { accountId, sessionId } = session;
  expect(await due()).toMatchObject([{ accountId, sessionId, heard: there, tries: 0 }]);
});

test("one that comes back in time is not due, here or elsewhere, under the same session or a newer one", async () => {
  const [one, other] = [await Gateway.begun(), await Gateway.begun()];
  const [same, newer] = [begun(id()), begun(id())];
  await one.say([same, newer]);
  await one.say([gone(same), gone(newer)]);
  const first = (await due()).find(({ accountId }) => accountId === same.accountId);
  await one.say([same]);
  await other.say([begun(newer.accountId)]);
  expect(await due()).toEqual([]);
  // What is said of the request that was on its way comes too late.
  await settlePresence(database, first!);
  expect((await admin.query("SELECT 1 FROM accounts.presence")).rowCount).toBe(2);
  await one.say([gone(same)]);
  const [again] = await due();
  expect(again).toMatchObject({ accountId: same.accountId });
  expect(again?.requestId).not.toBe(first?.requestId);
});

test("an account with another session is not gone, whichever of the two ends, and the newest is named", async () => {
  const [one, other] = [await Gateway.begun(), await Gateway.begun()];
  const older = begun(id(), "01a205e9-4066-75d4-a65b-335845c5b501");
  const newer = { ...older, sessionId: "01a205e9-4066-75d4-a65b-335845c5b502" };
  await other.say([newer]);
  // The older one is heard of later.
  await one.say([older]);
  await other.say([gone(newer)]);
  expect(await due()).toEqual([]);
  await one.say([gone(older)]);
  expect(await due()).toMatchObject([{ sessionId: newer.sessionId }]);
});

test("of two gateways that speak at once about one account, whichever is stored last: it has a session or is due", async () => {
  const [one, other] = [await Gateway.begun(), await Gateway.begun()];
  for (let round = 0; round < 20; round++) {
    const accounts = Array.from({ length: 20 }, id);
    const old = accounts.map((accountId) => begun(accountId));
    const next = accounts.map((accountId) => begun(accountId));
    await one.say(old);
    await Promise.all([one.say(old.map(gone)), other.say(next.toReversed())]);
    expect(await due()).toEqual([]);
    await Promise.all([one.say(old), other.say(next.map(gone))]);
    await one.say(old.map(gone));
    expect(await dueAccounts()).toEqual(accounts.toSorted());
    await admin.query("TRUNCATE accounts.presence");
  }
});

test("a report that comes twice, or late, has its effect once", async () => {
  const gateway = await Gateway.begun();
  const session = begun(id());
  await gateway.say([session]);
  await gateway.say([gone(session)]);
  expect(await gateway.say([session], { number: 2 })).toBe(true);
  expect(await gateway.say([session], { number: 1, listBegins: true, listEnds: true })).toBe(true);
  expect(await dueAccounts()).toEqual([session.accountId]);
});

test("after a lost report the list is wanted, and says what was lost", async () => {
  const gateway = await Gateway.begun();
  const [lost, kept, late] = [begun(id()), begun(id()), begun(id())];
  await gateway.say([lost, kept]);
  // Lost: `lost` is gone, `late` has begun.
  gateway.number++;
  expect(await gateway.say([])).toBe(false);
  expect(await dueAccounts()).toEqual([]);
  // A list of two reports, with a session that ends between them.
  expect(await gateway.say([kept], { listBegins: true })).toBe(true);
  expect(await dueAccounts()).toEqual([]);
  expect(await gateway.say([late], { listEnds: true })).toBe(true);
  expect(await dueAccounts()).toEqual([lost.accountId]);
  expect((await countPresences(database)).sessions).toBe(2);
});

test("a list that is cut short ends nothing; the next one counts", async () => {
  const gateway = await Gateway.begun();
  const [kept, lost] = [begun(id()), begun(id())];
  await gateway.say([kept, lost]);
  await gateway.say([kept], { listBegins: true });
  gateway.number++;
  expect(await gateway.say([], { listEnds: true })).toBe(false);
  expect(await due()).toEqual([]);
  await gateway.list([kept]);
  expect(await dueAccounts()).toEqual([lost.accountId]);
});

test("sessions of a silent gateway are gone, a few thousand at a time, and of nobody else", async () => {
  const [silent, other] = [await Gateway.begun(), await Gateway.begun()];
  const sessions = Array.from({ length: 5001 }, () => begun(id()));
  for (let n = 0; n < sessions.length; n += 250) await silent.say(sessions.slice(n, n + 250));
  const elsewhere = begun(sessions[0]!.accountId);
  await other.say([elsewhere]);
  expect(await endSilentGateway(database, 60_000, 0)).toBeUndefined();
  await admin.query(
    "UPDATE accounts.gateway SET heard_at = clock_timestamp() - interval '1 hour' WHERE gateway_id = $1",
    [silent.gatewayId],
  );
  const first = await endSilentGateway(database, 60_000, 0);
  expect(first).toEqual({ instance: "gateway-1", sessions: 5000, isForgotten: false });
  expect(await endSilentGateway(database, 60_000, 0)).toMatchObject({
    sessions: 1,
    isForgotten: true,
  });
  expect(await endSilentGateway(database, 60_000, 0)).toBeUndefined();
  expect(await countPresences(database)).toEqual({ sessions: 1, waiting: 5000 });
  // It was only frozen, and is asked for its list.
  expect(await silent.say([])).toBe(false);
  await silent.list(sessions.slice(0, 10));
  expect((await countPresences(database)).waiting).toBe(4991);
});

test("a session that accounts never heard of, and that is gone, is due: its enter may have come", async () => {
  const gateway = await Gateway.begun();
  const session = begun(id());
  await gateway.say([gone(session)]);
  expect(await due()).toMatchObject([{ sessionId: session.sessionId }]);
});

test("a heartbeat writes one row, whatever the gateway holds", async () => {
  const gateway = await Gateway.begun();
  await gateway.say(Array.from({ length: 250 }, () => begun(id())));
  const written = async (): Promise<number> => {
    const { rows } = await admin.query<{ n: number }>(
      `SELECT (count(*) FILTER (WHERE xmin::text::bigint >= $1))::int AS n FROM (
         SELECT xmin FROM accounts.session UNION ALL SELECT xmin FROM accounts.presence
         UNION ALL SELECT xmin FROM accounts.gateway) AS all_rows`,
      [before],
    );
    return rows[0]!.n;
  };
  const { rows } = await admin.query<{ x: string }>(
    "SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS x",
  );
  const before = Number(rows[0]!.x);
  expect(await gateway.say([])).toBe(true);
  expect(await written()).toBe(1);
  expect(await gateway.say([begun(id())])).toBe(true);
  expect(await written()).toBe(3);
});

test("a presence is one process's at a time, under one request until its outcome is certain", async () => {
  const gateway = await Gateway.begun();
  const session = begun(id(), id(), here);
  await gateway.say([session]);
  await gateway.say([gone(session)]);
  const claim = () => claimPresences(database, 10, 60_000, Date.now());
  const claims = (await Promise.all([claim(), claim()])).flat();
  expect(claims).toHaveLength(1);
  await postponePresence(database, claims[0]!, 0);
  const [again] = await due();
  expect(again?.requestId).toBe(claims[0]?.requestId);
  await renewPresence(database, again!, { delayMs: 0, tries: 4, heard: there });
  const [renewed] = await due();
  expect(renewed).toMatchObject({ heard: there, tries: 4 });
  expect(renewed?.requestId).not.toBe(again?.requestId);
  await renewPresence(database, again!, { delayMs: 0, tries: 9 });
  expect(await due()).toMatchObject([{ tries: 4 }]);
  await settlePresence(database, renewed!);
  expect(await due()).toEqual([]);
});

test("a presence names where its account lives; the player of no account is looked for where it was heard of", async () => {
  const gateway = await Gateway.begun();
  const accountId = id();
  const spawn = { spawnRequestId: id(), spawnKey: here };
  const passwordHash = "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$aGFzaA";
  await insertAccount(database, { accountId, name: "resident", passwordHash, ...spawn });
  await moveResidence(database, accountId, there, 1n);
  const [known, minted] = [begun(accountId), begun(id(), id(), here)];
  await gateway.say([gone(known), gone(minted)]);
  const found = new Map((await due()).map((each) => [each.accountId, each]));
  expect(found.get(accountId)).toMatchObject({ heard: undefined, residence: there });
  expect(found.get(minted.accountId)).toMatchObject({ heard: here, residence: undefined });
});

test("whoever lived in a world of an earlier release is listed as gone, and not before gateways could speak", async () => {
  const client = await admin.connect();
  try {
    await client.query("BEGIN");
    await client.query("UPDATE accounts.account SET hex_id = 1, layer_id = 0");
    const { rows: accounts } = await client.query("SELECT 1 FROM accounts.account");
    const url = new URL(
      "../../../../infra/pg_migrations/accounts/0002_sessions.sql",
      import.meta.url,
    );
    const [up = ""] = (await readFile(url, "utf8")).split("-- Down Migration");
    await client.query("DROP TABLE accounts.presence, accounts.session, accounts.gateway");
    await client.query(up);
    const { rows } = await client.query<{ early: boolean; nil: boolean }>(
      `SELECT next_at < clock_timestamp() + interval '4 minutes' AS early,
         newest_session = '00000000-0000-0000-0000-000000000000' AS nil FROM accounts.presence`,
    );
    expect(rows).toHaveLength(accounts.length);
    expect(accounts.length).toBeGreaterThan(0);
    for (const row of rows) expect(row).toEqual({ early: false, nil: true });
  } finally {
    await client.query("ROLLBACK");
    client.release();
  }
});
