import { MemoryBroker, uuidv7Bytes, uuidv7Ms } from "@hexhold/messaging";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createPieces } from "../buffer-pieces.testing.ts";
import { joinEdge, startTestEdge, type TestEdge } from "../edge.testing.ts";
import { NewestSessions } from "./newest-sessions.ts";

const anna = "01a205e9-4066-75d4-a65b-335845c5b501";
const bert = "01a205e9-4066-75d4-a65b-335845c5b502";
const nothing: Uint8Array = new Uint8Array(0);
let gateways: TestEdge[] = [];
/** How far the second gateway's clock is behind. */
let behindMs = 0;

beforeEach(async () => {
  behindMs = 0;
  const broker = new MemoryBroker();
  gateways = [
    await startTestEdge({ broker, instance: "gateway-1" }),
    await startTestEdge({
      broker,
      instance: "gateway-2",
      worldNow: () => Date.now() - behindMs,
    }),
  ];
});
afterEach(() => Promise.all(gateways.map((gateway) => gateway.stop())));

const join = (n: number, account = anna, resume = nothing) =>
  joinEdge(gateways[n]!.url, account, resume);
const settled = () => new Promise((resolve) => setTimeout(resolve, 30));

it("a session that begins at another gateway ends the older one there with 4409, and only that", async () => {
  const [older, other] = [await join(0), await join(0, bert)];
  const newer = await join(1);
  await vi.waitFor(() => expect(older.closeCode).toBe(4409));
  await settled();
  expect([newer.closeCode, other.closeCode]).toEqual([undefined, undefined]);
});

it("the newer session wins although its gateway's clock is behind", async () => {
  behindMs = 1000;
  const older = await join(0);
  await settled();
  const newer = await join(1);
  await vi.waitFor(() => expect(older.closeCode).toBe(4409));
  await settled();
  expect(newer.closeCode).toBeUndefined();
});

it("a lost announcement is made good by the next, whoever tells first", async () => {
  for (const teller of [0, 1]) {
    gateways[0]!.deaf = true;
    const older = await join(0);
    const newer = await join(1);
    await settled();
    expect([older.closeCode, newer.closeCode]).toEqual([undefined, undefined]);
    gateways[0]!.deaf = false;
    gateways[teller]!.tellAll();
    await vi.waitFor(() => expect(older.closeCode).toBe(4409));
    await settled();
    expect(newer.closeCode).toBeUndefined();
    newer.socket.close();
  }
});

it("a session goes on under its id where it was, and under a newer one elsewhere and on the way back", async () => {
  const first = await join(0);
  const again = await join(0, anna, first.sessionId);
  expect(again.sessionId).toEqual(first.sessionId);
  const elsewhere = await join(1, anna, again.sessionId);
  await vi.waitFor(() => expect(again.closeCode).toBe(4409));
  // The id that gateway 1 knew is not the newest any more.
  const back = await join(0, anna, first.sessionId);
  await vi.waitFor(() => expect(elsewhere.closeCode).toBe(4409));
  await settled();
  expect(back.closeCode).toBeUndefined();
  const ids = [first, elsewhere, back].map(({ sessionId }) =>
    Buffer.from(sessionId).toString("hex"),
  );
  expect(ids).toEqual(ids.toSorted());
  expect(new Set(ids).size).toBe(3);
});

it("a client cannot make its session newer than any to come", () => {
  const sessions = new NewestSessions();
  const nowMs = 1_700_000_000_000;
  const ahead = (ms: number) => uuidv7Ms(sessions.begin(anna, uuidv7Bytes(nowMs + ms), nowMs));
  expect(ahead(3_600_000)).toBe(nowMs);
  expect(ahead(2000)).toBe(nowMs + 2001);
  expect(uuidv7Ms(sessions.begin(bert, new Uint8Array(16).fill(255), nowMs))).toBe(nowMs);
});

it("remembers sessions of other gateways without the messages that told of them", async () => {
  const pieces = createPieces();
  const newest = new NewestSessions();
  for (let nth = 0; nth < 50; nth++) newest.heard(`account ${nth}`, pieces.bytes(uuidv7Bytes(nth)));
  expect(await pieces.kept()).toBe(0);
  // Control: one that is held is found.
  const held = pieces.bytes(uuidv7Bytes(99));
  expect(newest.heard("account 9", held)).toBe(true);
  expect([await pieces.kept(), held.length]).toEqual([1, 16]);
  expect(newest.heard("account 9", uuidv7Bytes(98))).toBe(false);
});
