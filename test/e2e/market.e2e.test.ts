/** The market as a player reaches it, in a world of a process per service. */
import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import {
  BookViewSchema,
  CancelOrderSchema,
  GetBookSchema,
  GetCandlesSchema,
  GetOrdersSchema,
  GetTradesSchema,
  OrderPlacedSchema,
  OrdersSchema,
  OrderState,
  PlaceOrderSchema,
  Side,
  Span,
} from "@hexhold/gen/hexhold/market/v1/commands_pb";
import {
  domainCommand,
  joinPlayer,
  type LoadPlayer,
  startWorld,
  type World,
} from "@hexhold/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

let world: World;
let players: LoadPlayer[];

beforeAll(async () => {
  world = await startWorld({ profile: "cluster" });
  const minted = await world.mint(3);
  players = await Promise.all(
    minted.map((player) => joinPlayer(world.status().endpoints.ws, player)),
  );
});
afterAll(async () => {
  for (const player of players ?? []) player.close();
  await world?.stop();
});

const order = { book: "wood", side: Side.BUY, price: 10n, quantity: 5n };
const place = (player: LoadPlayer, fields: MessageInitShape<typeof PlaceOrderSchema> = {}) =>
  domainCommand(player, "cmd.market.place-order", PlaceOrderSchema, { ...order, ...fields });
const cancel = (player: LoadPlayer, fields: MessageInitShape<typeof CancelOrderSchema>) =>
  domainCommand(player, "cmd.market.cancel-order", CancelOrderSchema, { book: "wood", ...fields });
const ordersOf = async (player: LoadPlayer) => {
  const { result } = await domainCommand(player, "cmd.market.get-orders", GetOrdersSchema, {});
  return fromBinary(OrdersSchema, result!).orders;
};

test("an order is placed and listed for its owner alone, seen by nobody before its escrow, and cancelled by its owner alone", async () => {
  const [one, two] = [players[0]!, players[1]!];
  const placed = await place(one, { lifetimeS: 60 });
  expect(placed.said).toBe("applied");
  const { orderId, expiresMs } = fromBinary(OrderPlacedSchema, placed.result!);
  const [listed] = await ordersOf(one);
  expect(listed).toMatchObject({ ...order, orderId, expiresMs });
  expect(listed!.state).not.toBe(OrderState.OPEN);
  expect(listed!.expiresMs - listed!.placedMs).toBe(60_000n);
  expect(await ordersOf(two)).toEqual([]);
  const { result } = await domainCommand(two, "cmd.market.get-book", GetBookSchema, {
    book: "wood",
  });
  expect(fromBinary(BookViewSchema, result!)).toMatchObject({
    book: "wood",
    bids: [],
    asks: [],
    halted: false,
  });
  expect((await cancel(two, { orderId })).said).toBe("refused:unknown-order");
  expect((await cancel(one, { orderId, book: "stone" })).said).toBe("refused:unknown-order");
});

test("what is no order never comes so far, and what the market refuses says why", async () => {
  const player = players[2]!;
  const invalid = "error:INVALID_ARGUMENT:invalid-payload";
  const badOrders: MessageInitShape<typeof PlaceOrderSchema>[] = [
    { price: 0n },
    { price: -10n },
    { price: 1_000_000_001n },
    { quantity: 0n },
    { quantity: -1n },
    { quantity: 1_000_001n },
    { side: Side.UNSPECIFIED },
    { side: 7 as Side },
    { fill: 9 as 0 },
    { lifetimeS: 59 },
    { lifetimeS: 1_209_601 },
  ];
  for (const fields of badOrders)
    expect([fields, (await place(player, fields)).said]).toEqual([fields, invalid]);
  expect((await cancel(player, { orderId: new Uint8Array(15) })).said).toBe(invalid);
  for (const span of [Span.UNSPECIFIED, 9 as Span]) {
    const { said } = await domainCommand(player, "cmd.market.get-candles", GetCandlesSchema, {
      book: "wood",
      span,
    });
    expect(said).toBe(invalid);
  }
  const book = "no-such";
  expect(
    (
      await domainCommand(player, "cmd.market.get-book", GetBookSchema, {
        book: "wood",
        levels: 51,
      })
    ).said,
  ).toBe(invalid);
  expect((await domainCommand(player, "cmd.market.get-book", GetBookSchema, { book })).said).toBe(
    "refused:no-such-book",
  );
  expect(
    (await domainCommand(player, "cmd.market.get-trades", GetTradesSchema, { book })).said,
  ).toBe("refused:no-such-book");
  const minutes = { book, span: Span.MINUTE };
  expect(
    (await domainCommand(player, "cmd.market.get-candles", GetCandlesSchema, minutes)).said,
  ).toBe("refused:no-such-book");
  expect((await place(player, { book })).said).toBe("refused:no-such-book");
  expect((await place(player, { price: 1_001n })).said).toBe("refused:off-tick");
  expect((await place(player, { price: 1_000_000_000n, quantity: 1_001n })).said).toBe(
    "refused:too-large",
  );
  expect((await cancel(player, { orderId: new Uint8Array(16) })).said).toBe(
    "refused:unknown-order",
  );
  expect(await ordersOf(player)).toEqual([]);
});

test("a market that is killed is started again, is in the status, and does what was sent meanwhile once", async () => {
  const player = players[1]!;
  const market = () => world.status().processes.find(({ name }) => name === "market-1");
  const { pid } = market()!;
  process.kill(pid, "SIGKILL");
  const placed = await place(player);
  expect(placed.said).toBe("applied");
  expect(await ordersOf(player)).toMatchObject([
    { orderId: fromBinary(OrderPlacedSchema, placed.result!).orderId },
  ]);
  await expect.poll(() => market()?.pid, { timeout: 30_000 }).not.toBe(pid);
  expect(market()).toMatchObject({ kind: "market", controlUrl: expect.any(String) as string });
  const ready = await fetch(`${market()!.controlUrl}/readyz`);
  expect(ready.status).toBe(200);
});
