import { create } from "@bufbuild/protobuf";
import { type Answer, AnswerSchema } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { type Key, keyText } from "@hexhold/hex";
import { anyone, encodeEnvelope, encodeViews, type Inbox, uuidv7Bytes } from "@hexhold/messaging";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createPieces } from "../buffer-pieces.testing.ts";
import { home } from "../edge.testing.ts";
import { createGatewayMetrics } from "../gateway-metrics.ts";
import { Interest, type Observer } from "./interest.ts";

const logger = createLogger({ service: "gateway", instance: "test", level: "silent" });
const inbox: Inbox = {
  name: "views",
  bind: () => Promise.resolve(),
  unbind: () => Promise.resolve(),
  closed: new Promise(() => undefined),
  close: () => Promise.resolve(),
};
const activationId = uuidv7Bytes();
let interest: Interest;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  interest.stop();
  vi.useRealTimers();
});

function start(observe: (key: Key) => Promise<Answer | undefined>): Interest {
  interest = new Interest({
    observe,
    view: { type: "", version: 0 },
    onAnnouncement: () => undefined,
    logger,
    metrics: createGatewayMetrics(createMetrics()),
  });
  return interest;
}

/** Hexes, as different layers of one cell. */
const keysOf = (count: number): Key[] =>
  Array.from({ length: count }, (_, layerId) => ({ hexId: home.hexId, layerId }));

function observer(): Observer & { readonly frames: Uint8Array[] } {
  const frames: Uint8Array[] = [];
  return {
    frames,
    closed: false,
    tooSlow: () => undefined,
    sendView: (frame) => frames.push(frame) > 0,
  };
}

function stateOf(key: Key, viewSeq: number): Answer {
  return create(AnswerSchema, {
    hexVersion: 1n,
    view: { key: { ...key }, activationId, viewSeq: BigInt(viewSeq) },
    outcome: { case: "applied", value: { result: new Uint8Array(8) } },
  });
}

function eventOf(key: Key, viewSeq: number, payloadBytes = 8): Uint8Array {
  const event = encodeEnvelope({
    type: "evt.hex.gathered",
    messageVersion: 1,
    key,
    eventId: uuidv7Bytes(),
    producer: { service: "worker", version: "0", instance: "w" },
    tsMs: 0,
    payload: new Uint8Array(payloadBytes),
  });
  const view = { key, activationId, viewSeq, hexVersion: 1, event };
  return encodeViews({ events: [view], marks: [] });
}

it("asks for a state that it does not get less and less often, and soon again when it hears of the hex", async () => {
  const askedMs: number[] = [];
  const startedMs = performance.now();
  start(() => {
    askedMs.push(performance.now() - startedMs);
    return Promise.resolve(undefined);
  });
  await interest.connect(inbox);
  const [key] = keysOf(1);
  interest.subscribe(observer(), [key!]);
  await vi.advanceTimersByTimeAsync(60_000);
  // 0.3, 0.6, 1.2, 2.4, 4.8 and 9.6 s, then 10 s each, with a tenth of chance.
  expect(askedMs.length).toBeGreaterThanOrEqual(9);
  expect(askedMs.length).toBeLessThanOrEqual(12);
  const soon = async (): Promise<number> => {
    const before = askedMs.length;
    await vi.advanceTimersByTimeAsync(350);
    return askedMs.length - before;
  };
  interest.onViews(eventOf(key!, 1), anyone);
  for (let seq = 2; seq < 50; seq++) interest.onViews(eventOf(key!, seq), anyone);
  expect(await soon()).toBe(1);
  await vi.advanceTimersByTimeAsync(60_000);
  interest.subscribe(observer(), [key!]);
  expect(await soon()).toBe(1);
  // A new connection begins at once.
  await vi.advanceTimersByTimeAsync(60_000);
  const before = askedMs.length;
  await interest.connect(inbox);
  await vi.advanceTimersByTimeAsync(0);
  expect(askedMs.length - before).toBe(1);
});

it("asks for 64 states at a time, the others in their order", async () => {
  const asked: string[] = [];
  let underWay = 0;
  let most = 0;
  start(async (key) => {
    asked.push(keyText(key));
    most = Math.max(most, ++underWay);
    await new Promise((resolve) => setTimeout(resolve, 10));
    underWay--;
    return stateOf(key, 0);
  });
  await interest.connect(inbox);
  const peer = observer();
  const keys = keysOf(200);
  interest.subscribe(peer, keys);
  await vi.advanceTimersByTimeAsync(100);
  expect([most, asked, peer.frames.length]).toEqual([64, keys.map(keyText), 200]);
  // Everybody at once, after a reconnect.
  await interest.connect(inbox);
  await vi.advanceTimersByTimeAsync(100);
  expect([most, peer.frames.length]).toEqual([64, 400]);
});

it("lets states that do not come hold up nobody else", async () => {
  const hanging = new Set(keysOf(128).map(keyText));
  start((key) =>
    hanging.has(keyText(key)) ? new Promise(() => undefined) : Promise.resolve(stateOf(key, 0)),
  );
  await interest.connect(inbox);
  interest.subscribe(observer(), keysOf(128));
  const peer = observer();
  interest.subscribe(peer, keysOf(129).slice(128));
  await vi.advanceTimersByTimeAsync(600);
  expect(peer.frames).toHaveLength(1);
});

it("sends what has come while a state was read behind it, and reads it again when that was too much", async () => {
  const [key] = keysOf(1);
  const answers: ((answer: Answer) => void)[] = [];
  start(() => new Promise((resolve) => answers.push(resolve)));
  await interest.connect(inbox);
  const peer = observer();
  interest.subscribe(peer, [key!]);
  await vi.advanceTimersByTimeAsync(0);
  for (let seq = 1; seq <= 30; seq++) interest.onViews(eventOf(key!, seq, 4096), anyone);
  answers.shift()!(stateOf(key!, 10));
  await vi.advanceTimersByTimeAsync(0);
  expect(peer.frames).toHaveLength(1 + 20);
  // Of which the last 256 KiB are kept: 61 events.
  const other = observer();
  interest.subscribe(other, [key!]);
  await vi.advanceTimersByTimeAsync(0);
  for (let seq = 31; seq <= 130; seq++) interest.onViews(eventOf(key!, seq, 4096), anyone);
  answers.shift()!(stateOf(key!, 30));
  await vi.advanceTimersByTimeAsync(0);
  expect([other.frames.length, answers.length]).toEqual([0, 1]);
  answers.shift()!(stateOf(key!, 130));
  await vi.advanceTimersByTimeAsync(0);
  expect([other.frames.length, peer.frames.length, answers.length]).toEqual([1, 121, 0]);
});

it("keeps nothing of the memory that messages lie in", async () => {
  vi.useRealTimers();
  const pieces = createPieces();
  const keys = keysOf(50);
  let viewSeq = 0;
  start((key) => {
    const answer = stateOf(key, viewSeq);
    answer.view!.activationId = pieces.bytes(activationId);
    return Promise.resolve(answer);
  });
  await interest.connect(inbox);
  const peer = observer();
  interest.subscribe(peer, keys.slice(0, 25));
  await expect.poll(() => peer.frames.length).toBe(25);
  // Half of the hexes are heard of by events first.
  interest.subscribe(peer, keys.slice(25));
  viewSeq = 4;
  for (const key of keys) {
    for (let seq = 1; seq <= 4; seq++) interest.onViews(pieces.bytes(eventOf(key, seq)), anyone);
  }
  expect(pieces.made).toBeGreaterThan(200);
  expect(await pieces.kept()).toBe(0);
});

it("asks for the states of all that is watched when a sender of views had to drop some", async () => {
  const answers: ((answer: Answer) => void)[] = [];
  start(() => new Promise((resolve) => answers.push(resolve)));
  await interest.connect(inbox);
  const [here, there] = keysOf(2);
  const peer = observer();
  interest.subscribe(peer, [here!]);
  await vi.advanceTimersByTimeAsync(0);
  answers.shift()!(stateOf(here!, 0));
  interest.subscribe(peer, [there!]);
  await vi.advanceTimersByTimeAsync(0);
  expect([peer.frames.length, answers.length]).toEqual([1, 1]);
  interest.onViews(encodeViews({ events: [], marks: [] }), anyone);
  await vi.advanceTimersByTimeAsync(0);
  // A state that was read before may lack what was lost.
  answers.shift()!(stateOf(there!, 0));
  answers.shift()!(stateOf(here!, 7));
  await vi.advanceTimersByTimeAsync(0);
  expect([peer.frames.length, answers.length]).toEqual([2, 1]);
  answers.shift()!(stateOf(there!, 7));
  await vi.advanceTimersByTimeAsync(0);
  expect([peer.frames.length, answers.length]).toEqual([3, 0]);
});
