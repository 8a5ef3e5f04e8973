import { create, toBinary } from "@bufbuild/protobuf";
import { HexViewSchema, SeenPlayerSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { PlayerArrivedSchema, PlayerReturnedSchema } from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { type Key, keyText } from "@hexhold/hex";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Client } from "./client.ts";
import type { HexListener } from "./subscriptions.ts";
import { transferEnd } from "./transfer-end.ts";

const from: Key = { hexId: 1n, layerId: 0 };
const to: Key = { hexId: 2n, layerId: 0 };
const player = new Uint8Array(16).fill(7);

let listeners: Map<string, HexListener<unknown>>;
/** Who is where, by hex; the version of every hex. */
let playersIn: Map<string, Uint8Array[]>;
let hexVersion: number;
let observed: string[];
let isLive: boolean;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  listeners = new Map();
  playersIn = new Map();
  hexVersion = 5;
  observed = [];
  isLive = true;
});
afterEach(() => vi.useRealTimers());

const client = {
  view: () => (isLive ? {} : undefined),
  subscribe(keys: readonly Key[], listener: HexListener<unknown>) {
    listeners.set(keyText(keys[0]!), listener);
    return { keys, close: () => listeners.delete(keyText(keys[0]!)) };
  },
  send(_schema: unknown, key: Key) {
    observed.push(keyText(key));
    const players = (playersIn.get(keyText(key)) ?? []).map((playerId) =>
      create(SeenPlayerSchema, { playerId }),
    );
    const result = create(HexViewSchema, { players });
    return Promise.resolve({ outcome: "applied", result, hexVersion });
  },
} as unknown as Client;

function tell(key: Key, type: string, payload: Uint8Array): void {
  const event = { type, payload, messageVersion: 1, tsMs: 0, hexVersion, viewSeq: 1 };
  listeners.get(keyText(key))!({ kind: "event", key, seen: undefined as never, event });
}

function start(): Promise<unknown> {
  const watch = transferEnd(client, player, from, to);
  const transfer = { number: 3n, from: { key: from, hexVersion: 5 }, timeoutMs: 5000 };
  return watch.until({ ...transfer, signal: undefined }).finally(() => watch.close());
}

const arrived = (number: bigint, playerId = player): Uint8Array =>
  toBinary(PlayerArrivedSchema, create(PlayerArrivedSchema, { playerId, number }));

it("ends with the event of this player and number, in whatever hex, and asks nobody", async () => {
  const ended = start();
  tell(to, "evt.hex.player-arrived", arrived(2n));
  tell(to, "evt.hex.player-arrived", arrived(3n, new Uint8Array(16)));
  tell(to, "evt.hex.player-arrived", arrived(3n));
  expect(await ended).toEqual({ end: "arrived" });
  const back = start();
  const returned = create(PlayerReturnedSchema, {
    playerId: player,
    number: 3n,
    reason: "hex-full",
  });
  tell(from, "evt.hex.player-returned", toBinary(PlayerReturnedSchema, returned));
  expect(await back).toEqual({ end: "returned", reason: "hex-full" });
  expect(observed).toEqual([]);
  expect(listeners.size).toBe(0);
});

it("asks at once when a full state has come instead of events", async () => {
  isLive = false;
  const ended = start();
  playersIn.set(keyText(to), [player]);
  listeners.get(keyText(to))!({ kind: "state", key: to, seen: undefined as never });
  expect(await ended).toEqual({ end: "arrived" });
  expect(observed).toEqual([keyText(to)]);
});

it("asks both hexes when nobody tells; where it began counts only after the departure", async () => {
  playersIn.set(keyText(from), [player]);
  const ended = start();
  await vi.advanceTimersByTimeAsync(400);
  expect(observed).toEqual([keyText(to), keyText(from)]);
  hexVersion = 6;
  // The second question after 900 ms at most, and 250 ms for an event that says why.
  await vi.advanceTimersByTimeAsync(1000);
  expect(await ended).toEqual({ end: "returned", reason: "" });
});

it.each([
  { afterMs: 100, reason: "hex-full" },
  { afterMs: 400, reason: "" },
])("waits a moment for the event that says why, when it has asked: $afterMs ms", async (given) => {
  isLive = false;
  playersIn.set(keyText(from), [player]);
  const ended = start();
  hexVersion = 6;
  listeners.get(keyText(to))!({ kind: "state", key: to, seen: undefined as never });
  const event = { playerId: player, number: 3n, reason: "hex-full" };
  const returned = toBinary(PlayerReturnedSchema, create(PlayerReturnedSchema, event));
  const listener = listeners.get(keyText(from))!;
  setTimeout(() => {
    const said = { type: "evt.hex.player-returned", payload: returned, messageVersion: 1, tsMs: 0 };
    const event = { ...said, hexVersion, viewSeq: 1 };
    listener({ kind: "event", key: from, seen: undefined as never, event });
  }, given.afterMs);
  // News that say nothing do not end the waiting.
  setTimeout(() => tell(to, "evt.hex.player-arrived", arrived(2n)), 20);
  await vi.advanceTimersByTimeAsync(500);
  expect(await ended).toEqual({ end: "returned", reason: given.reason });
});

it("is unknown when neither hex is heard of in time", async () => {
  const ended = start();
  await vi.advanceTimersByTimeAsync(6000);
  expect(await ended).toEqual({ end: "unknown" });
});
