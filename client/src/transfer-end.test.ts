import { create, toBinary } from "@bufbuild/protobuf";
import { LocateSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
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
/** Where the player lives; undefined: in transit. The version of every hex. */
let home: Key | undefined;
let hexVersion: number;
let asked: string[];
let isLive: boolean;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  listeners = new Map();
  home = undefined;
  hexVersion = 5;
  asked = [];
  isLive = true;
});
afterEach(() => vi.useRealTimers());

const client = {
  view: () => (isLive ? {} : undefined),
  subscribe(keys: readonly Key[], listener: HexListener<unknown>) {
    listeners.set(keyText(keys[0]!), listener);
    return { keys, close: () => listeners.delete(keyText(keys[0]!)) };
  },
  send(schema: unknown, key: Key) {
    asked.push(schema === LocateSchema ? keyText(key) : "something else");
    const livesHere = home !== undefined && keyText(home) === keyText(key);
    return Promise.resolve(
      livesHere
        ? { outcome: "applied", hexVersion }
        : { outcome: "refused", reason: home === undefined ? "in-transit" : "not-resident" },
    );
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
  expect(asked).toEqual([]);
  expect(listeners.size).toBe(0);
});

it("takes an event that the view's fold cannot tell as well as any", async () => {
  const ended = start();
  const event = { type: "evt.hex.player-arrived", payload: arrived(3n), messageVersion: 1 };
  listeners.get(keyText(to))!({
    kind: "stale",
    cause: "event",
    key: to,
    event: { ...event, tsMs: 0, hexVersion, viewSeq: 1 },
  });
  expect(await ended).toEqual({ end: "arrived" });
  expect(asked).toEqual([]);
});

it("asks at once when a full state has come instead of events", async () => {
  isLive = false;
  const ended = start();
  home = to;
  listeners.get(keyText(to))!({ kind: "state", key: to, seen: undefined as never });
  expect(await ended).toEqual({ end: "arrived" });
  expect(asked).toEqual([keyText(to)]);
});

it("asks both hexes when nobody tells; where it began counts only after the departure", async () => {
  home = from;
  const ended = start();
  await vi.advanceTimersByTimeAsync(400);
  expect(asked).toEqual([keyText(to), keyText(from)]);
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
  home = from;
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
