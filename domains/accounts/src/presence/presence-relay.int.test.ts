import { hexAt, type Key } from "@hexhold/hex";
import { uuidText, uuidv7Bytes } from "@hexhold/messaging";
import type { PgPool } from "@hexhold/postgres";
import { createLogger } from "@hexhold/telemetry";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { PresenceAnswer } from "../rules/presence-rules.ts";
import type { Database } from "../store/database.ts";
import { openFreshSchema } from "../store/fresh-schema.testing.ts";
import { takeReport } from "../store/session-rows.ts";
import { type PresenceRelay, startPresenceRelay } from "./presence-relay.ts";

const here: Key = { hexId: hexAt(52.52, 13.405), layerId: 0 };
const there: Key = { hexId: hexAt(48.1, 11.6), layerId: 0 };
const id = (): string => uuidText(uuidv7Bytes());

let database: Database;
let admin: PgPool;
let close: () => Promise<void>;
let relay: PresenceRelay | undefined;
/** What hexes say, and what they were sent. */
let answers: (sent: { readonly key: Key; readonly requestId: string }) => PresenceAnswer;
let sends: { accountId: string; sessionId: string; requestId: string; key: Key }[];
let settled: string[];
let hearing: { forMs: number; interrupted: () => void; stop: () => void };

beforeAll(async () => {
  ({ database, admin, close } = await openFreshSchema());
});
beforeEach(async () => {
  await admin.query("TRUNCATE accounts.session, accounts.gateway, accounts.presence");
  sends = [];
  settled = [];
  answers = () => ({ case: "applied" });
  hearing = { forMs: Infinity, interrupted: vi.fn<() => void>(), stop: () => undefined };
});
afterEach(() => relay?.stop());
afterAll(() => close());

function startRelay(store: Database = database): void {
  relay = startPresenceRelay({
    database: store,
    send({ accountId, sessionId, requestId }, key) {
      sends.push({ accountId, sessionId, requestId, key });
      return Promise.resolve(answers({ key, requestId }));
    },
    hearing,
    silentMs: 20_000,
    graceMs: 0,
    worldNow: () => Date.now(),
    onSettled: (outcome) => settled.push(outcome),
    onCounted: () => undefined,
    logger: createLogger({ service: "accounts", instance: "test", level: "silent" }),
    pollMs: 10,
  });
}

let reports = 0;
/** Sessions of a gateway of their own. */
async function report(held: boolean, residence: Key | undefined, accounts = [id()]) {
  const gatewayId = id();
  const sessions = accounts.map((accountId) => ({ accountId, sessionId: id(), held, residence }));
  const list = { listBegins: true, listEnds: true, number: ++reports, instance: "gateway-1" };
  await takeReport(database, { ...list, gatewayId, sessions }, 0);
  return { gatewayId, accountId: accounts[0]!, sessionId: sessions[0]!.sessionId };
}

const waiting = async (): Promise<number> =>
  (await admin.query("SELECT 1 FROM accounts.presence WHERE next_at IS NOT NULL")).rowCount!;

test("one message goes to the hex of a player without a session, and no more when it is settled", async () => {
  const { accountId, sessionId } = await report(false, here);
  startRelay();
  await vi.waitFor(() => expect(settled).toEqual(["ended"]));
  await vi.waitFor(async () => expect(await waiting()).toBe(0));
  expect(sends).toMatchObject([{ accountId, sessionId, key: here }]);
});

test("a lost answer is asked for under the same request, a player that has gone on is followed under another", async () => {
  const asked: PresenceAnswer[] = [
    { case: "unsure" },
    { case: "refused", reason: "not-resident", wentTo: there },
    { case: "refused", reason: "already-offline", wentTo: undefined },
  ];
  answers = () => asked.shift()!;
  await report(false, here);
  startRelay();
  await vi.waitFor(() => expect(settled).toEqual(["already-offline"]), { timeout: 5000 });
  expect(sends.map(({ key }) => key)).toEqual([here, here, there]);
  const [first, second, third] = sends.map(({ requestId }) => requestId);
  expect(second).toBe(first);
  expect(third).not.toBe(first);
});

test("who comes back while the message is on its way is not written off", async () => {
  const accountId = id();
  await report(false, here, [accountId]);
  answers = () => ({ case: "unsure" });
  startRelay();
  await vi.waitFor(() => expect(sends.length).toBeGreaterThan(0));
  await report(true, here, [accountId]);
  await vi.waitFor(async () => expect(await waiting()).toBe(0));
  const { rowCount } = await admin.query("SELECT 1 FROM accounts.presence");
  expect([rowCount, settled]).toEqual([1, []]);
});

test("a player that lives in no hex is not looked for", async () => {
  await report(false, undefined);
  startRelay();
  await vi.waitFor(() => expect(settled).toEqual(["nowhere"]));
  expect(sends).toEqual([]);
});

test("a silent gateway's sessions are gone as soon as accounts has heard nothing of it for as long itself", async () => {
  const { gatewayId } = await report(true, here);
  await admin.query("UPDATE accounts.gateway SET heard_at = clock_timestamp() - interval '1 hour'");
  hearing.forMs = 19_999;
  startRelay();
  // A round that found somebody due has looked for silent gateways before.
  await report(false, there);
  await vi.waitFor(() => expect(settled).toEqual(["ended"]));
  expect(sends.map(({ key }) => key)).toEqual([there]);
  hearing.forMs = 20_000;
  await vi.waitFor(() => expect(settled).toEqual(["ended", "ended"]));
  const { rowCount } = await admin.query("SELECT 1 FROM accounts.gateway WHERE gateway_id = $1", [
    gatewayId,
  ]);
  expect(rowCount).toBe(0);
});

test("silence does not count while the database is away, and nobody is forgotten meanwhile", async () => {
  let isAway = true;
  const store: Database = {
    ...database,
    run: (...statement) =>
      isAway ? Promise.reject(new Error("away")) : database.run(...statement),
  };
  await report(false, here);
  startRelay(store);
  await vi.waitFor(() => expect(hearing.interrupted).toHaveBeenCalled());
  expect(sends).toEqual([]);
  isAway = false;
  await vi.waitFor(() => expect(settled).toEqual(["ended"]));
});
