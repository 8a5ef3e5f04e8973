import { create, toBinary } from "@bufbuild/protobuf";
import { HexViewSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import {
  GatheredSchema,
  LevelRaisedSchema,
  PlayerMovedSchema,
} from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { Notice_Kind } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { Durability } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { Resource } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import type { HexView } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeGateway, residence, startFakeGateway, until } from "../test/fake-gateway.ts";
import { type Client, createClient } from "./client.ts";
import { referenceView } from "./reference-view.ts";
import type { HexUpdate } from "./subscriptions.ts";
import { ViewError } from "./view-fold.ts";

const one = new Uint8Array(16).fill(1);
const two = new Uint8Array(16).fill(2);
const playerId = new Uint8Array(16).fill(9);
const otherKey = { hexId: residence.hexId, layerId: 2 };

let gateway: FakeGateway;
let client: Client;
let updates: HexUpdate<HexView>[];
const listener = (update: HexUpdate<HexView>): void => void updates.push(update);
const kinds = (): string[] =>
  updates.map((update) => (update.kind === "stale" ? `stale:${update.cause}` : update.kind));

beforeEach(async () => {
  updates = [];
  gateway = await startFakeGateway();
  client = createClient({
    url: gateway.url,
    token: "a-token",
    timing: {
      reconnect: { baseMs: 5, maxMs: 20 },
      resubscribe: { baseMs: 60_000, maxMs: 60_000 },
    },
  });
  await client.ready;
});

afterEach(async () => {
  client.close();
  await gateway.stop();
});

function state(
  viewSeq: number,
  activationId = one,
  stock = 100n,
  key = residence,
  named: { viewType?: string; viewVersion?: number; view?: Uint8Array } = {},
): void {
  const view = create(HexViewSchema, {
    stocks: [{ resource: Resource.WOOD, amount: stock, asOfMs: 1000n }],
    nowMs: 1000n,
    stockCapacity: 100n,
    regrowthMs: 60_000n,
  });
  const bytes = toBinary(HexViewSchema, view);
  gateway.peer.send({
    case: "state",
    value: {
      key,
      activationId,
      viewSeq: BigInt(viewSeq),
      hexVersion: 1n,
      view: bytes,
      ...named,
    },
  });
}

function event(type: string, payload: Uint8Array, viewSeq: number, activationId = one): void {
  gateway.peer.send({
    case: "event",
    value: {
      key: residence,
      activationId,
      viewSeq: BigInt(viewSeq),
      hexVersion: 1n,
      type,
      version: 1,
      payload,
    },
  });
}

function moved(viewSeq: number, x: number, activationId = one): void {
  const payload = toBinary(PlayerMovedSchema, create(PlayerMovedSchema, { playerId, x, y: 1 }));
  event("evt.hex.player-moved", payload, viewSeq, activationId);
}

const asked = (): number =>
  gateway.peer.received.filter((frame) => frame.case === "subscribe").length;

describe("subscriptions", () => {
  test("a state comes first, then events in order, and the view is their fold", async () => {
    client.subscribe([residence], listener);
    await until("it asks", () => asked() === 1);
    state(4);
    moved(5, 10);
    const gathered = create(GatheredSchema, {
      playerId,
      resource: Resource.WOOD,
      amount: 30n,
      left: 70n,
      atMs: 2000n,
    });
    event("evt.hex.gathered", toBinary(GatheredSchema, gathered), 6);
    await until("all are there", () => updates.length === 3);
    expect(kinds()).toEqual(["state", "event", "event"]);
    const seen = client.view(residence);
    expect(seen?.viewSeq).toBe(6);
    expect(seen?.view.players).toMatchObject([{ x: 10, y: 1 }]);
    expect(seen?.view.stocks).toMatchObject([{ amount: 70n, asOfMs: 2000n }]);
    expect(seen?.view.xp).toBe(30n);
  });

  test("keys of one turn are asked for in one frame, each once", async () => {
    client.subscribe([residence], listener);
    client.subscribe([residence, otherKey], listener);
    await until("it asks", () => asked() === 1);
    expect(gateway.peer.received.find((frame) => frame.case === "subscribe")).toMatchObject({
      value: { keys: [residence, otherKey] },
    });
  });

  test("a hole is noticed, counted and healed by a new state", async () => {
    client.subscribe([residence], listener);
    await until("it asks", () => asked() === 1);
    await new Promise((resolve) => setTimeout(resolve, 210));
    state(1);
    moved(3, 10);
    moved(4, 11);
    await until("it asks again", () => asked() === 2);
    state(4);
    moved(5, 12);
    await until("all are there", () => updates.length === 4);
    expect(kinds()).toEqual(["state", "stale:hole", "state", "event"]);
    expect(client.stats).toMatchObject({ gapsNoticed: 1, gapsUnnoticed: 0 });
  });

  test("a hex whose events cannot be followed is not asked for without end", async () => {
    client.subscribe([residence], listener);
    await until("it asks", () => asked() === 1);
    for (let i = 0; i < 10; i++) {
      state(1);
      event("evt.hex.from-the-future", new Uint8Array(0), 2);
    }
    await until("all are there", () => client.stats.states === 10);
    expect(asked()).toBe(1);
    await until("it asks again", () => asked() === 2);
  });

  test("another activation is a gap; an event of the one before is passed over", async () => {
    client.subscribe([residence], listener);
    state(8);
    moved(1, 10, two);
    await until("it is noticed", () => client.stats.gapsNoticed === 1);
    state(1, two);
    moved(9, 10, one);
    moved(2, 11, two);
    await until("all are there", () => updates.length === 4);
    expect(kinds()).toEqual(["state", "stale:activation", "state", "event"]);
    expect(client.stats.repeatedEvents).toBe(1);
  });

  test("a new level asks for the state: the pace of regrowth is in no event", async () => {
    client.subscribe([residence], listener);
    state(1);
    event("evt.hex.level-raised", toBinary(LevelRaisedSchema, create(LevelRaisedSchema)), 2);
    await until("it is stale", () => updates.length === 2);
    expect(kinds()).toEqual(["state", "stale:event"]);
    expect(client.stats.gapsNoticed).toBe(0);
  });

  test("after a lost connection everything is asked for again", async () => {
    client.subscribe([residence, otherKey], listener);
    state(1);
    await until("it is there", () => updates.length === 1);
    gateway.peer.cut();
    await until("it asks", () => gateway.peers.length === 2 && asked() === 1);
    expect(gateway.peer.received.find((frame) => frame.case === "subscribe")).toMatchObject({
      value: { keys: [residence, otherKey] },
    });
    state(1, two);
    await until("it is there", () => updates.length === 3);
    expect(kinds()).toEqual(["state", "stale:connection", "state"]);
  });

  test("a resync that the server announces makes the view stale until its state comes", async () => {
    client.subscribe([residence], listener);
    state(1);
    gateway.peer.send({ case: "notice", value: { kind: 1, keys: [residence] } });
    moved(2, 5);
    state(9);
    await until("it is there", () => updates.length === 3);
    expect(kinds()).toEqual(["state", "stale:resync", "state"]);
  });

  test("a hex that may not be seen is denied, and asked for again after a reconnect only", async () => {
    client.subscribe([residence], listener);
    await until("it asks", () => asked() === 1);
    gateway.peer.send({
      case: "error",
      value: { errorCode: 3, reason: "too-far", message: "why", key: residence },
    });
    await until("it is denied", () => updates.length === 1);
    expect(updates[0]).toMatchObject({ kind: "denied", reason: "too-far", message: "why" });
    client.resync([residence]);
    gateway.peer.cut();
    await until("it asks", () => gateway.peers.length === 2 && asked() === 1);
  });

  test("hexes that are let go in one turn are one frame, before those that are asked for", async () => {
    const third = { hexId: residence.hexId, layerId: 3 };
    const subscriptions = [residence, otherKey].map((key) => client.subscribe([key], listener));
    await until("it asks", () => asked() === 1);
    const before = gateway.peer.received.length;
    client.subscribe([third], listener);
    for (const subscription of subscriptions) subscription.close();
    await until("it asks", () => asked() === 2);
    const frames = gateway.peer.received.slice(before).filter(({ case: kind }) => kind !== "ping");
    expect(frames).toMatchObject([
      { case: "unsubscribe", value: { keys: [residence, otherKey] } },
      { case: "subscribe", value: { keys: [third] } },
    ]);
  });

  test("the last to leave unsubscribes", async () => {
    const first = client.subscribe([residence], listener);
    const second = client.subscribe([residence], listener);
    await until("it asks", () => asked() === 1);
    first.close();
    second.close();
    second.close();
    await until("it leaves", () => gateway.peer.received.at(-1)?.case === "unsubscribe");
    expect(gateway.peer.received.filter((frame) => frame.case === "unsubscribe")).toHaveLength(1);
  });

  test("whoever comes later gets the state that is there", async () => {
    client.subscribe([residence], () => undefined);
    state(3);
    await until("it is there", () => client.stats.states === 1);
    client.subscribe([residence], listener);
    await until("it is told", () => updates.length === 1);
    expect(updates[0]).toMatchObject({ kind: "state", seen: { viewSeq: 3 } });
  });

  test("a state of the same place that says other than the fold is an unnoticed gap", async () => {
    client.subscribe([residence], listener);
    state(3, one, 100n);
    state(3, one, 100n);
    await until("they are there", () => client.stats.states === 2);
    expect(client.stats.gapsUnnoticed).toBe(0);
    state(3, one, 50n);
    await until("it is there", () => client.stats.states === 3);
    expect(client.stats.gapsUnnoticed).toBe(1);
  });

  test("payloads that cannot be read are counted, and the state is awaited", async () => {
    client.subscribe([residence], listener);
    state(1);
    event("evt.hex.player-moved", new Uint8Array([0xff]), 2);
    await until("it is counted", () => client.stats.malformed === 1);
    expect(kinds()).toEqual(["state", "stale:unreadable"]);
    expect(client.state.mode).toBe("online");
  });
});

test("a hex that was left behind is denied, and asked for again by whoever wants it anew", async () => {
  client.subscribe([residence], listener);
  await until("it is asked for", () => asked() === 1);
  gateway.peer.send({
    case: "notice",
    value: { kind: Notice_Kind.LEFT_BEHIND, keys: [residence] },
  });
  await until("it is denied", () => kinds().includes("denied"));
  expect(updates.at(-1)).toMatchObject({ kind: "denied", reason: "left-behind" });
  client.subscribe([residence], listener);
  await until("it is asked for again", () => asked() === 2);
});

test("a hex that was too far is asked for again when the player has done something in its hex", async () => {
  client.subscribe([residence], listener);
  await until("it is asked for", () => asked() === 1);
  gateway.peer.send({
    case: "error",
    value: { reason: "too-far", message: "", key: residence, errorCode: 0, retryAfterMs: 0 },
  });
  await until("it is denied", () => kinds().includes("denied"));
  for (const durability of [Durability.READ, Durability.DURABLE]) {
    gateway.peer.send({
      case: "answer",
      value: { key: residence, durability, outcome: { case: "applied", value: {} } },
    });
  }
  await until("it is asked for again", () => asked() === 2);
  expect(kinds()).toEqual(["denied"]);
});

describe("a view that the fold does not read", () => {
  const { type, version } = referenceView.reads;
  let faults: unknown[];
  /** A client with a fold of another version of the reference game, or of the reference game as it is. */
  async function watch(reads = referenceView.reads): Promise<void> {
    faults = [];
    client.close();
    client = createClient({
      url: gateway.url,
      token: "a-token",
      view: { ...referenceView, reads },
      onFault: (error) => faults.push(error),
      timing: { reconnect: { baseMs: 5, maxMs: 20 }, resubscribe: { baseMs: 10, maxMs: 10 } },
    });
    await client.ready;
    client.subscribe([residence, otherKey], listener);
    await until("it asks", () => asked() === 1);
  }
  const come = (key: typeof residence, named: { viewType: string; viewVersion: number }): void =>
    state(1, one, 100n, key, named);

  test("of another game is an error that names both and says what to do, told once and not asked for again", async () => {
    await watch();
    for (const key of [residence, otherKey]) {
      come(key, { viewType: "other.v1.Board", viewVersion: 3 });
    }
    await until("both are told", () => updates.length === 2);
    const [update] = updates;
    expect(update).toMatchObject({
      kind: "unreadable",
      key: residence,
      error: {
        code: "VIEW_MISMATCH",
        came: { type: "other.v1.Board", version: 3 },
        expected: { type: "hexhold.hex.v1.HexView", version },
      },
    });
    expect(faults).toEqual([(update as { error: Error }).error]);
    expect(faults[0]).toBeInstanceOf(ViewError);
    expect(String(faults[0])).toContain("other.v1.Board version 3");
    expect(String(faults[0])).toMatch(/createClient .* in the option `view`$/);
    expect(client.view(residence)).toBeUndefined();
    const before = asked();
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(asked()).toBe(before);
  });

  test("of an earlier version is one too; of a later one, or without a name, is read", async () => {
    await watch({ type, version: version + 1 });
    come(residence, { viewType: type, viewVersion: version });
    await until("it is told", () => updates.length === 1);
    expect(updates[0]).toMatchObject({ kind: "unreadable", error: { code: "VIEW_MISMATCH" } });
    expect(String((updates[0] as { error: Error }).error)).toContain("update the server");
    come(otherKey, { viewType: type, viewVersion: version + 2 });
    await until("it is read", () => kinds().includes("state"));
    come(residence, { viewType: "", viewVersion: 0 });
    await until("it is read", () => kinds().filter((kind) => kind === "state").length === 2);
  });

  test("by its bytes is told each time, and asked for again", async () => {
    await watch();
    const before = asked();
    const rubbish = { viewType: type, viewVersion: version, view: new Uint8Array([0xff]) };
    state(1, one, 100n, residence, rubbish);
    await until("it is told", () => updates.length === 1);
    expect(updates[0]).toMatchObject({ kind: "unreadable", error: { code: "VIEW_UNREADABLE" } });
    await until("it is asked for again", () => asked() > before);
    expect(faults).toEqual([]);
  });
});
