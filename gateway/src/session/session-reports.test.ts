import { MemoryBroker, uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { createLogger } from "@hexhold/telemetry";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Called } from "../accounts/accounts-client.ts";
import { home, joinEdge, startTestEdge, type TestEdge } from "../edge.testing.ts";
import { type SessionReports, startSessionReports } from "./session-reports.ts";

const anna = "01a205e9-4066-75d4-a65b-335845c5b501";
const incarnation = uuidText(uuidv7Bytes());
type Report = Parameters<Parameters<typeof startSessionReports>[0]["report"]>[0];

let gateway: TestEdge;
let reports: SessionReports | undefined;
let sent: Report[];
let isDeaf: boolean;

beforeEach(async () => {
  sent = [];
  isDeaf = false;
  gateway = await startTestEdge({
    broker: new MemoryBroker(),
    instance: "gateway-1",
    onSession: (session, held) => (held ? reports?.begun(session) : reports?.ended(session)),
  });
});
afterEach(async () => {
  reports?.stop();
  await gateway.stop();
});

function start(everyMs: number): void {
  reports = startSessionReports({
    report(report) {
      sent.push(report);
      const called = isDeaf
        ? { case: "unknown" as const }
        : { case: "applied" as const, result: { listWanted: false } };
      return Promise.resolve(called as Called<never>);
    },
    instance: "gateway-1",
    incarnation,
    held: () => gateway.edge.sessions,
    logger: createLogger({ service: "gateway", instance: "test", level: "silent" }),
    everyMs,
    retryMs: 10,
  });
}

const said = (): string[] =>
  sent.flatMap(({ sessions = [] }) =>
    sessions.map(({ held, sessionId }) => `${held ? "+" : "-"}${uuidText(sessionId!)}`),
  );

it("tells when a session begins, goes on and ends, with where its player lives", async () => {
  start(60_000);
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  expect(sent[0]).toMatchObject({ instance: "gateway-1", number: 1n, listBegins: true });
  const peer = await joinEdge(gateway.url, anna);
  const id = uuidText(peer.sessionId);
  await vi.waitFor(() => expect(said()).toEqual([`+${id}`]));
  expect(sent[1]?.sessions).toMatchObject([{ residence: { hexId: home.hexId } }]);
  // The older connection ends, and the session goes on.
  const again = await joinEdge(gateway.url, anna, peer.sessionId);
  await vi.waitFor(() => expect(said()).toEqual([`+${id}`, `+${id}`]));
  again.socket.terminate();
  await vi.waitFor(() => expect(said().at(-1)).toBe(`-${id}`));
});

it("says every now and then that it lives", async () => {
  start(20);
  await vi.waitFor(() => expect(sent.length).toBeGreaterThan(3));
  expect(sent.map(({ number }) => number).slice(0, 4)).toEqual([1n, 2n, 3n, 4n]);
});

it("sends a report again until it is answered", async () => {
  isDeaf = true;
  start(60_000);
  await vi.waitFor(() => expect(sent.length).toBeGreaterThan(2));
  expect(new Set(sent.map(({ number }) => number))).toEqual(new Set([1n]));
  const peer = await joinEdge(gateway.url, anna);
  isDeaf = false;
  await vi.waitFor(() => expect(said()).toEqual([`+${uuidText(peer.sessionId)}`]));
  expect(sent.at(-1)?.number).toBe(2n);
});
