import { create, toBinary } from "@bufbuild/protobuf";
import {
  type EnterResult,
  type ReadableView,
  ReadableViewSchema,
} from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { PlayerEnteredSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { Notice_Kind } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { Durability } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeGateway, residence, startFakeGateway, until } from "../test/fake-gateway.ts";
import { onlineBytes, onlineView } from "../test/online-view.ts";
import { type Client, createClient } from "./client.ts";
import { readableView } from "./readable-view.ts";
import type { HexUpdate } from "./subscriptions.ts";
import { oneOf, ViewError } from "./view-fold.ts";

const one = new Uint8Array(16).fill(1);
const two = new Uint8Array(16).fill(2);
const playerId = new Uint8Array(16).fill(9);
const otherKey = { hexId: residence.hexId, layerId: 2 };

/** A state is not asked for again because it does not come. */
const quiet = {
  reconnect: { baseMs: 5, maxMs: 20 },
  resubscribe: { baseMs: 60_000, maxMs: 60_000 },
};

let gateway: FakeGateway;
let client: Client<EnterResult>;
let updates: HexUpdate<unknown>[];
const listener = (update: HexUpdate<unknown>): void => void updates.push(update);
const kinds = (): string[] =>
  updates.map((update) => (update.kind === "stale" ? `stale:${update.cause}` : update.kind));

beforeEach(async () => {
  updates = [];
  gateway = await startFakeGateway();
  client = createClient({
    url: gateway.url,
    token: "a-token",
    view: onlineView,
    timing: quiet,
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
  online = 3,
  key = residence,
  named: { viewType?: string; viewVersion?: number; view?: Uint8Array } = {},
): void {
  gateway.peer.send({
    case: "state",
    value: {
      key,
      activationId,
      viewSeq: BigInt(viewSeq),
      hexVersion: 1n,
      view: onlineBytes(online),
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

function entered(viewSeq: number, activationId = one): void {
  const payload = toBinary(PlayerEnteredSchema, create(PlayerEnteredSchema, { playerId }));
  event("evt.hex.player-entered", payload, viewSeq, activationId);
}

const asked = (): number =>
  gateway.peer.received.filter((frame) => frame.case === "subscribe").length;

describe("subscriptions", () => {
  test("a state comes first, then events in order, and the view is their fold", async () => {
    client.subscribe([residence], listener);
    await until("it asks", () => asked() === 1);
    state(4);
    entered(5);
    entered(6);
    await until("all are there", () => updates.length === 3);
    expect(kinds()).toEqual(["state", "event", "event"]);
    expect(client.view(residence)).toMatchObject({ viewSeq: 6, view: { online: 5 } });
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
    entered(3);
    entered(4);
    await until("it asks again", () => asked() === 2);
    state(4);
    entered(5);
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
    entered(1, two);
    await until("it is noticed", () => client.stats.gapsNoticed === 1);
    state(1, two);
    entered(9, one);
    entered(2, two);
    await until("all are there", () => updates.length === 4);
    expect(kinds()).toEqual(["state", "stale:activation", "state", "event"]);
    expect(client.stats.repeatedEvents).toBe(1);
  });

  test("an event whose effect the fold cannot tell makes the view stale, and is told with all after it", async () => {
    client.subscribe([residence], listener);
    state(1);
    event("evt.hex.from-the-future", new Uint8Array([7]), 2);
    entered(3);
    await until("both are told", () => updates.length === 3);
    expect(kinds()).toEqual(["state", "stale:event", "stale:event"]);
    expect(updates[1]).toMatchObject({ event: { type: "evt.hex.from-the-future", viewSeq: 2 } });
    expect(client.view(residence)).toMatchObject({ viewSeq: 1, view: { online: 3 } });
    expect(client.stats.gapsNoticed).toBe(0);
    state(3, one, 5);
    entered(4);
    await until("it goes on", () => updates.length === 5);
    expect(client.view(residence)).toMatchObject({ viewSeq: 4, view: { online: 6 } });
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
    entered(2);
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
    state(3, one, 3);
    state(3, one, 3);
    await until("they are there", () => client.stats.states === 2);
    expect(client.stats.gapsUnnoticed).toBe(0);
    state(3, one, 2);
    await until("it is there", () => client.stats.states === 3);
    expect(client.stats.gapsUnnoticed).toBe(1);
  });

  test("payloads that cannot be read are counted, and the state is awaited", async () => {
    client.subscribe([residence], listener);
    state(1);
    event("evt.hex.player-entered", new Uint8Array([0xff]), 2);
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
  const { reads: known } = onlineView;
  const [{ type, version } = { type: "", version: 0 }] = known;
  let faults: unknown[];
  /** A client with a fold of another version, or with the one of all these tests. */
  async function watch(reads = known): Promise<void> {
    faults = [];
    client.close();
    client = createClient({
      url: gateway.url,
      token: "a-token",
      view: { ...onlineView, reads },
      onFault: (error) => faults.push(error),
      timing: { reconnect: { baseMs: 5, maxMs: 20 }, resubscribe: { baseMs: 10, maxMs: 10 } },
    });
    await client.ready;
    client.subscribe([residence, otherKey], listener);
    await until("it asks", () => asked() === 1);
  }
  const come = (key: typeof residence, named: { viewType: string; viewVersion: number }): void =>
    state(1, one, 3, key, named);

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
        expected: [{ type, version }],
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
    await watch([{ type, version: version + 1 }]);
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
    state(1, one, 3, residence, rubbish);
    await until("it is told", () => updates.length === 1);
    expect(updates[0]).toMatchObject({ kind: "unreadable", error: { code: "VIEW_UNREADABLE" } });
    await until("it is asked for again", () => asked() > before);
    expect(faults).toEqual([]);
  });
});

describe("a client without a fold", () => {
  test("is told every event of whatever game, without a view, and notices gaps as any other", async () => {
    client.close();
    const blind = createClient({ url: gateway.url, token: "a-token", timing: quiet });
    await blind.ready;
    blind.subscribe([residence], listener);
    await until("it asks", () => asked() === 1);
    state(4, one, 3, residence, { viewType: "other.v1.Board", viewVersion: 3 });
    event("evt.hex.from-the-future", new Uint8Array([7]), 5);
    entered(7);
    await until("all are there", () => updates.length === 3);
    expect(kinds()).toEqual(["state", "event", "stale:hole"]);
    expect(updates[1]).toMatchObject({
      event: { type: "evt.hex.from-the-future", payload: new Uint8Array([7]) },
      seen: { view: undefined, viewSeq: 5 },
    });
    blind.close();
  });
});

describe("a client for several games", () => {
  const readable = (json: string): Uint8Array =>
    toBinary(ReadableViewSchema, create(ReadableViewSchema, { json }));
  let shown: Client<EnterResult | ReadableView>;

  beforeEach(async () => {
    client.close();
    const view = oneOf(onlineView, readableView);
    const onFault = (): undefined => undefined;
    shown = createClient({ url: gateway.url, token: "a-token", view, timing: quiet, onFault });
    await shown.ready;
  });
  afterEach(() => shown.close());

  const come = (viewSeq: number, key: typeof residence, json: string): void =>
    state(viewSeq, one, 0, key, {
      viewType: ReadableViewSchema.typeName,
      viewVersion: 1,
      view: readable(json),
    });

  test("each view is read and carried on by the fold of its type", async () => {
    shown.subscribe([residence, otherKey], listener);
    const [named] = onlineView.reads;
    state(1, one, 3, residence, { viewType: named!.type, viewVersion: named!.version });
    come(1, otherKey, '{"level":1}');
    entered(2);
    await until("all are there", () => updates.length === 3);
    expect(kinds()).toEqual(["state", "state", "event"]);
    expect(shown.view(residence)?.view).toMatchObject({ online: 4 });
    expect(shown.view(otherKey)?.view).toMatchObject({ json: '{"level":1}' });
    state(1, one, 3, otherKey, { viewType: "other.v1.Board", viewVersion: 1 });
    await until("another game is told", () => kinds().includes("unreadable"));
    expect(String((updates.at(-1) as { error: Error }).error)).toContain(
      `reads ${named!.type} version ${named!.version} or ${ReadableViewSchema.typeName} version 1`,
    );
  });

  test("documents of nineteen busy hexes are asked for at a pace that the gateway allows", async () => {
    const keys = Array.from({ length: 19 }, (_, layerId) => ({ ...residence, layerId }));
    const seqs = new Map<number, number>();
    /** As the gateway counts: one for the frame, and one for each key. */
    let units = 0;
    gateway.onFrame = (_peer, content) => {
      if (content.case !== "subscribe") return;
      units += 1 + content.value.keys.length;
      for (const { layerId } of content.value.keys) {
        const seq = (seqs.get(layerId) ?? 0) + 1;
        seqs.set(layerId, seq);
        come(seq, { ...residence, layerId }, "{}");
      }
    };
    shown.subscribe(keys, () => undefined);
    await until("all states", () => shown.stats.states === 19);
    units = 0;
    const startedMs = performance.now();
    // Until there were two rounds at least.
    while (performance.now() - startedMs < 1500 || units < 40) {
      for (const [layerId, seq] of seqs) {
        seqs.set(layerId, seq + 1);
        gateway.peer.send({
          case: "event",
          value: {
            key: { ...residence, layerId },
            activationId: one,
            viewSeq: BigInt(seq + 1),
            hexVersion: 1n,
            type: "evt.hex.from-the-future",
            version: 1,
          },
        });
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // No more than 25 units a second beside the first round.
    const seconds = (performance.now() - startedMs) / 1000;
    expect(units).toBeLessThanOrEqual(20 + 25 * (seconds + 0.2));
    expect(shown.stats.gapsUnnoticed).toBe(0);
  });
});
