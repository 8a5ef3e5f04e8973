import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BalancesSchema } from "@hexhold/gen/hexhold/inventory/v1/commands_pb";
import { ChangedSchema } from "@hexhold/gen/hexhold/inventory/v1/events_pb";
import { Notice_Kind } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { OffersSchema } from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import {
  BookViewSchema,
  GetOrdersSchema,
  OrdersSchema,
} from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { BookChangedSchema, OrderChangedSchema } from "@hexhold/gen/hexhold/market/v1/events_pb";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type FakeGateway, type FakePeer, startFakeGateway, until } from "../test/fake-gateway.ts";
import type { BookState } from "./book-state.ts";
import { type Client, connect } from "./client.ts";
import { WatchError } from "./healing.ts";
import { createInventory } from "./inventory.ts";
import { createMarket } from "./market.ts";

let gateway: FakeGateway;
let client: Client;

beforeEach(async () => {
  gateway = await startFakeGateway();
  client = await connect({
    url: gateway.url,
    token: "t",
    timing: { reconnect: { baseMs: 5, maxMs: 10 } },
  });
});
afterEach(async () => {
  client.close();
  await gateway.stop();
});

type Levels = Readonly<Record<string, number>>;
const levels = (of: Levels) =>
  Object.entries(of).map(([price, quantity]) => ({
    price: BigInt(price),
    quantity: BigInt(quantity),
  }));
const mark = (seq: bigint, topic = "market/wood", peer = gateway.peer): void =>
  peer.send({ case: "topic", value: { topic, seq } });
function change(after: bigint, version: bigint, bids: Levels, peer = gateway.peer): void {
  const event = { book: "wood", afterVersion: after, version, bids: levels(bids) };
  peer.send({
    case: "topic",
    value: {
      topic: "market/wood",
      seq: version,
      type: "evt.market.book-changed",
      version: 1,
      payload: toBinary(BookChangedSchema, create(BookChangedSchema, event)),
    },
  });
}
function answerBook(
  at: number,
  version: bigint,
  bids: Levels,
  peer: FakePeer = gateway.peer,
): void {
  const dearestFirst = levels(bids).toSorted((a, b) => Number(b.price - a.price));
  const view = create(BookViewSchema, { book: "wood", version, bids: dearestFirst });
  peer.answer(peer.commands[at]!, {
    case: "applied",
    value: { result: toBinary(BookViewSchema, view) },
  });
}
const reads = (count: number, peer = gateway.peer): Promise<void> =>
  until(`${count} commands`, () => peer.commands.length >= count);
const listens = (peer = gateway.peer): string[] =>
  peer.received.flatMap((frame) =>
    frame.case === "listen" ? [`+${frame.value.add.join()} -${frame.value.drop.join()}`] : [],
  );

/** Takes states as they come. */
function taken<S>(iterator: AsyncIterable<S>) {
  const states: S[] = [];
  const ended = (async () => {
    for await (const state of iterator) states.push(state);
  })();
  ended.catch(() => undefined);
  return { states, ended };
}
const said = (states: readonly BookState[]): string[] =>
  states.map(
    ({ version, bids }) =>
      `${version}: ${bids.map(({ price, quantity }) => `${price}x${quantity}`).join(" ")}`,
  );

/** Follows wood, which is read at version 5: one bid of 3 at 10. */
async function follow(options?: { readonly readEveryMs: number }) {
  const watched = taken(createMarket(client).watch("wood", options));
  await until("it listens", () => listens().length === 1);
  mark(0n);
  await reads(1);
  answerBook(0, 5n, { 10: 3 });
  await until("a state", () => watched.states.length === 1);
  return watched;
}

it("reads a book behind the mark, not before it, and follows it by its events", async () => {
  const { states } = taken(createMarket(client).watch("wood"));
  await until("it listens", () => listens().length === 1);
  expect(listens()).toEqual(["+market/wood -"]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(gateway.peer.commands).toEqual([]);
  mark(0n);
  await reads(1);
  expect(gateway.peer.commands[0]!.type).toBe("cmd.market.get-book");
  // They come while it is read: one that was read already, and one that was not.
  change(3n, 5n, { 10: 99 });
  change(5n, 6n, { 11: 1, 9: 2 });
  answerBook(0, 5n, { 10: 3 });
  await until("both", () => said(states).at(-1) === "6: 11x1 10x3 9x2");
  change(6n, 9n, { 10: 0 });
  await until("the next", () => said(states).at(-1) === "9: 11x1 9x2");
  change(4n, 8n, { 12: 7 });
  change(8n, 10n, { 13: 1 });
  await until("the last", () => said(states).at(-1) === "10: 13x1 11x1 9x2");
  mark(10n);
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(gateway.peer.commands).toHaveLength(1);
});

it.each([
  ["a hole", () => change(6n, 7n, { 11: 1 })],
  ["a mark that is ahead", () => mark(6n)],
  [
    "a resync",
    () =>
      gateway.peer.send({
        case: "notice",
        value: { kind: Notice_Kind.RESYNC, topics: ["market/wood"] },
      }),
  ],
])("reads again after %s, and goes on from there", async (_, lose) => {
  const { states } = await follow();
  lose();
  await reads(2);
  answerBook(1, 8n, { 11: 4 });
  await until("it has healed", () => said(states).at(-1) === "8: 11x4");
  change(8n, 9n, { 11: 5 });
  await until("it goes on", () => states.length === 3);
  expect(said(states)).toEqual(["5: 10x3", "8: 11x4", "9: 11x5"]);
});

it("listens and reads again on a new connection", async () => {
  const { states } = await follow();
  const before = gateway.peer;
  before.cut();
  await until("it is back", () => gateway.peer !== before && listens().length === 1);
  mark(5n);
  await reads(1);
  answerBook(0, 7n, { 12: 1 });
  await until("it has healed", () => states.length === 2);
  expect(said(states)).toEqual(["5: 10x3", "7: 12x1"]);
});

it("reads from time to time whatever it hears", async () => {
  const { states } = await follow({ readEveryMs: 300 });
  await reads(2);
  answerBook(1, 6n, { 10: 1 });
  await until("what was read", () => states.length === 2);
  expect(said(states)).toEqual(["5: 10x3", "6: 10x1"]);
});

it("throws when there is nothing to follow, and lets the topic go", async () => {
  const refused = taken(createMarket(client).watch("wood"));
  await until("it listens", () => listens().length === 1);
  mark(0n);
  await reads(1);
  gateway.peer.answer(gateway.peer.commands[0]!, {
    case: "refused",
    value: { reason: "no-such-book" },
  });
  await expect(refused.ended).rejects.toThrow(/market\/wood.*no-such-book/);
  const denied = taken(createMarket(client).watch("gold"));
  await until("it lets go and listens", () => listens().includes("+market/gold -"));
  const topic = "market/gold";
  gateway.peer.send({ case: "error", value: { reason: "unknown-topic", topic } });
  await expect(denied.ended).rejects.toThrow(WatchError);
  await until("it lets go", () => listens().join("\n").includes("-market/gold"));
});

it("ends with its loop or its signal, without an error, and leaves nothing behind", async () => {
  const ending = new AbortController();
  const market = createMarket(client);
  const aborted = taken(market.watch("wood", { signal: ending.signal }));
  const broken = (async () => {
    for await (const { version } of market.watch("wood")) if (version === 6n) break;
  })();
  await until("they listen", () => listens().length === 1);
  mark(0n);
  await reads(2);
  answerBook(0, 5n, {});
  answerBook(1, 6n, {});
  await broken;
  expect(listens()).toHaveLength(1);
  ending.abort();
  await aborted.ended;
  await until("nobody listens", () => listens().at(-1) === "+ -market/wood");
});

it("ends with the session, and at once when that is over", async () => {
  const { ended } = await follow();
  client.close();
  await ended;
  await taken(createMarket(client).watch("wood")).ended;
  expect(listens()).toHaveLength(1);
});

it("does not claim levels that it does not know, and reads again when too few are left", async () => {
  const many: Record<string, number> = {};
  for (let price = 100; price > 50; price--) many[String(price)] = 1;
  const { states } = taken(createMarket(client).watch("wood"));
  await until("it listens", () => listens().length === 1);
  mark(0n);
  await reads(1);
  answerBook(0, 1n, many);
  await until("a state", () => states.length === 1);
  // Behind the worst that is known there may be others.
  change(1n, 2n, { 20: 5, 101: 2 });
  await until("the next", () => states.length === 2);
  expect(states[1]!.bids.map(({ price }) => price)).toEqual([
    101n,
    ...Array.from({ length: 50 }, (_, i) => BigInt(100 - i)),
  ]);
  const gone: Record<string, number> = {};
  for (let price = 100; price > 68; price--) gone[String(price)] = 0;
  change(2n, 3n, gone);
  await reads(2);
  answerBook(1, 3n, { 50: 1 });
  await until("it has healed", () => said(states).at(-1) === "3: 50x1");
});

it("has orders and balances as they are read after each hint, and never by a hint alone", async () => {
  const orders = taken(createMarket(client).watchOrders());
  const balances = taken(createInventory(client).watch());
  mark(0n, "player");
  await reads(2);
  const { peer } = gateway;
  const answer = (type: string, nth: number, result: Uint8Array): void => {
    const command = peer.commands.filter((one) => one.type === type)[nth]!;
    peer.answer(command, { case: "applied", value: { result } });
  };
  const order = (version: bigint) =>
    toBinary(OrdersSchema, create(OrdersSchema, { orders: [{ book: "wood", version }] }));
  const wood = (amount: bigint) =>
    toBinary(
      BalancesSchema,
      create(BalancesSchema, { balances: [{ asset: "wood", amount, held: 1n }] }),
    );
  answer("cmd.market.get-orders", 0, order(1n));
  answer("cmd.inventory.get-balances", 0, wood(5n));
  await until("both", () => orders.states.length === 1 && balances.states.length === 1);
  expect(orders.states[0]).toMatchObject([{ book: "wood", version: 1n }]);
  expect(balances.states[0]!.get("wood")).toEqual({ available: 5n, held: 1n });
  const hint = (type: string, payload: Uint8Array): void =>
    peer.send({ case: "topic", value: { topic: "player", type, version: 1, payload } });
  hint(
    "evt.inventory.changed",
    toBinary(ChangedSchema, create(ChangedSchema, { asset: "wood", available: 4n })),
  );
  await reads(3);
  answer("cmd.inventory.get-balances", 1, wood(7n));
  await until("balances", () => balances.states.length === 2);
  expect(balances.states[1]!.get("wood")?.available).toBe(7n);
  expect(peer.commands).toHaveLength(3);
  hint(
    "evt.market.order-changed",
    toBinary(OrderChangedSchema, create(OrderChangedSchema, { version: 2n })),
  );
  await reads(4);
  answer("cmd.market.get-orders", 1, order(3n));
  await until("orders", () => orders.states.length === 2);
  expect(orders.states[1]).toMatchObject([{ version: 3n }]);
  // It comes unasked.
  expect(listens()).toEqual([]);
  // Who begins later reads as well, though the mark has come.
  const late = taken(createInventory(client).watch());
  await reads(5);
  answer("cmd.inventory.get-balances", 2, wood(9n));
  await until("the late one", () => late.states.length === 1);
});

it("has ended orders as well where that is asked for, and offers after each change of a balance", async () => {
  const orders = taken(createMarket(client).watchOrders({ ended: true }));
  const offers = taken(createInventory(client).watchOffers());
  mark(0n, "player");
  await reads(2);
  const { peer } = gateway;
  const of = (type: string) => peer.commands.filter((one) => one.type === type);
  const asked = fromBinary(GetOrdersSchema, of("cmd.market.get-orders")[0]!.payload);
  expect(asked).toMatchObject({ limit: 100, openOnly: false });
  const answer = (type: string, nth: number, result: Uint8Array): void =>
    peer.answer(of(type)[nth]!, { case: "applied", value: { result } });
  const made = (madeMs: bigint) =>
    toBinary(OffersSchema, create(OffersSchema, { offers: [{ madeMs }] }));
  answer("cmd.market.get-orders", 0, toBinary(OrdersSchema, create(OrdersSchema)));
  answer("cmd.inventory.get-offers", 0, made(1n));
  await until("both", () => orders.states.length === 1 && offers.states.length === 1);
  const payload = toBinary(ChangedSchema, create(ChangedSchema, { asset: "wood" }));
  const type = "evt.inventory.changed";
  peer.send({ case: "topic", value: { topic: "player", type, version: 1, payload } });
  await reads(3);
  answer("cmd.inventory.get-offers", 1, made(2n));
  await until("the offers", () => offers.states.length === 2);
  expect(offers.states[1]).toMatchObject([{ madeMs: 2n }]);
  // A balance says nothing of an order, and no offer is told by itself.
  expect(peer.commands).toHaveLength(3);
});

it("reads offers as often as it is told to: nobody announces that of another player", async () => {
  const { states } = taken(createInventory(client).watchOffers({ readEveryMs: 60 }));
  gateway.onFrame = (peer, frame) => {
    if (frame.case !== "command") return;
    const result = toBinary(OffersSchema, create(OffersSchema));
    peer.answer(peer.commands.at(-1)!, { case: "applied", value: { result } });
  };
  mark(0n, "player");
  await until("it is read again and again", () => states.length >= 3);
  const [first, ...others] = gateway.peer.commands.map(({ type }) => type);
  expect(new Set(others)).toEqual(new Set([first]));
  expect(first).toBe("cmd.inventory.get-offers");
});

it("has the book within 3 s of its last change, however many events are lost", async () => {
  let version = 0n;
  const bids = new Map<number, number>();
  let seed = 11;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  gateway.onFrame = (peer, frame) => {
    if (frame.case === "listen") mark(0n, "market/wood", peer);
    if (frame.case !== "command") return;
    answerBook(peer.commands.length - 1, version, Object.fromEntries(bids), peer);
  };
  const { states } = taken(createMarket(client).watch("wood"));
  await until("a state", () => states.length > 0);
  // As often as services mark a topic.
  const marks = setInterval(() => mark(version), 2_000);
  try {
    let lost = 0;
    for (let n = 0; n < 300; n++) {
      const price = 90 + random(10);
      const quantity = random(4);
      if (quantity === 0) bids.delete(price);
      else bids.set(price, quantity);
      if (n % 3 === 0) lost++;
      else change(version, version + 1n, { [price]: quantity });
      version++;
      if (n % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(lost).toBeGreaterThan(90);
    // All is quiet, and then the last event is lost: nothing but a mark tells.
    await new Promise((resolve) => setTimeout(resolve, 600));
    bids.set(100, 1);
    version++;
    const expected = `301: ${[...bids]
      .toSorted(([a], [b]) => b - a)
      .map(([price, quantity]) => `${price}x${quantity}`)
      .join(" ")}`;
    await until("the book as it is", () => said(states).at(-1) === expected, 3_000);
  } finally {
    clearInterval(marks);
  }
}, 20_000);
