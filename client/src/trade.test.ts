import {
  create,
  fromBinary,
  type Message,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import {
  AcceptTradeSchema,
  EndTradeSchema,
  GetItemsSchema,
  GetOffersSchema,
  ItemsSchema,
  OffersSchema,
  OfferTradeSchema,
  TradeOfferedSchema,
} from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import {
  BookViewSchema,
  CancelOrderSchema,
  CandlesSchema,
  Fill,
  GetBookSchema,
  GetCandlesSchema,
  GetOrdersSchema,
  GetTradesSchema,
  OrderCancelledSchema,
  OrderPlacedSchema,
  OrdersSchema,
  PlaceOrderSchema,
  Side,
  Span,
  TradesSchema,
} from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type FakeGateway, startFakeGateway, until } from "../test/fake-gateway.ts";
import { type Client, connect } from "./client.ts";
import { createInventory, type Inventory } from "./inventory.ts";
import { createMarket, type Market } from "./market.ts";

let gateway: FakeGateway;
let client: Client;
let market: Market;
let inventory: Inventory;

beforeEach(async () => {
  gateway = await startFakeGateway();
  client = await connect({ url: gateway.url, token: "t" });
  market = createMarket(client);
  inventory = createInventory(client);
});
afterEach(async () => {
  client.close();
  await gateway.stop();
});

const id = new Uint8Array(16).fill(7);
const termsHash = new Uint8Array(32).fill(9);

/** Sends by `call`, and answers with `result`: what went out, and what came in. */
async function exchanged<C extends Message, R extends Message>(
  call: () => Promise<unknown>,
  type: string,
  schema: GenMessage<C>,
  result: GenMessage<R> | undefined,
  fields: MessageInitShape<GenMessage<NoInfer<R>>>,
): Promise<{ readonly sent: C; readonly outcome: unknown }> {
  const before = gateway.peer.commands.length;
  const pending = call();
  await until("the command", () => gateway.peer.commands.length > before);
  const command = gateway.peer.commands.at(-1)!;
  expect(command.type).toBe(type);
  const bytes =
    result === undefined ? new Uint8Array(0) : toBinary(result, create(result, fields as never));
  gateway.peer.answer(command, { case: "applied", value: { result: bytes } });
  return { sent: fromBinary(schema, command.payload), outcome: await pending };
}

it("orders are placed, cancelled and read by calls that know their messages", async () => {
  const order = { book: "wood", side: Side.SELL, price: 12n, quantity: 3n, fill: Fill.IOC };
  const placed = await exchanged(
    () => market.place(order),
    "cmd.market.place-order",
    PlaceOrderSchema,
    OrderPlacedSchema,
    { orderId: id },
  );
  expect(placed.sent).toMatchObject(order);
  expect(placed.outcome).toMatchObject({ outcome: "applied", result: { orderId: id } });
  const cancelled = await exchanged(
    () => market.cancel("wood", id),
    "cmd.market.cancel-order",
    CancelOrderSchema,
    OrderCancelledSchema,
    { left: 2n },
  );
  expect(cancelled.sent).toMatchObject({ book: "wood", orderId: id });
  expect(cancelled.outcome).toMatchObject({ outcome: "applied", result: { left: 2n } });
  const orders = await exchanged(
    () => market.orders({ openOnly: true }),
    "cmd.market.get-orders",
    GetOrdersSchema,
    OrdersSchema,
    { orders: [{ orderId: id, filled: 1n }] },
  );
  expect(orders.sent.openOnly).toBe(true);
  expect(orders.outcome).toMatchObject({ result: { orders: [{ filled: 1n }] } });
});

it("books, trades and candles are read without following them", async () => {
  const book = await exchanged(
    () => market.book("wood", 5),
    "cmd.market.get-book",
    GetBookSchema,
    BookViewSchema,
    { version: 8n },
  );
  expect(book.sent).toMatchObject({ book: "wood", levels: 5 });
  expect(book.outcome).toMatchObject({ result: { version: 8n } });
  const trades = await exchanged(
    () => market.trades("wood"),
    "cmd.market.get-trades",
    GetTradesSchema,
    TradesSchema,
    { trades: [{ price: 4n }] },
  );
  expect(trades.sent).toMatchObject({ book: "wood", limit: 0 });
  expect(trades.outcome).toMatchObject({ result: { trades: [{ price: 4n }] } });
  const candles = await exchanged(
    () => market.candles("wood", Span.HOUR, 10),
    "cmd.market.get-candles",
    GetCandlesSchema,
    CandlesSchema,
    { candles: [{ high: 9n }] },
  );
  expect(candles.sent).toMatchObject({ book: "wood", span: Span.HOUR, limit: 10 });
  expect(candles.outcome).toMatchObject({ result: { candles: [{ high: 9n }] } });
});

it("offers are made, accepted by the terms that were shown, and ended", async () => {
  const give = [{ asset: "wood", amount: 5n }];
  const offered = await exchanged(
    () => inventory.offer({ to: id, give }),
    "cmd.inventory.offer-trade",
    OfferTradeSchema,
    TradeOfferedSchema,
    { offerId: id, termsHash },
  );
  expect(offered.sent).toMatchObject({ to: id, give, want: [] });
  expect(offered.outcome).toMatchObject({ result: { offerId: id, termsHash } });
  const accepted = await exchanged(
    () => inventory.accept({ offerId: id, termsHash }),
    "cmd.inventory.accept-trade",
    AcceptTradeSchema,
    undefined,
    {},
  );
  expect(accepted.sent).toMatchObject({ offerId: id, termsHash });
  expect(accepted.outcome).toMatchObject({ outcome: "applied", result: undefined });
  const ended = await exchanged(
    () => inventory.end(id),
    "cmd.inventory.end-trade",
    EndTradeSchema,
    undefined,
    {},
  );
  expect(ended.sent.offerId).toEqual(id);
  const offers = await exchanged(
    () => inventory.offers({ openOnly: true }),
    "cmd.inventory.get-offers",
    GetOffersSchema,
    OffersSchema,
    { offers: [{ termsHash }] },
  );
  expect(offers.sent.openOnly).toBe(true);
  expect(offers.outcome).toMatchObject({ result: { offers: [{ termsHash }] } });
  const items = await exchanged(
    () => inventory.items({ after: id }),
    "cmd.inventory.get-items",
    GetItemsSchema,
    ItemsSchema,
    { items: [{ kind: "plaque" }] },
  );
  expect(items.sent.after).toEqual(id);
  expect(items.outcome).toMatchObject({ result: { items: [{ kind: "plaque" }] } });
});
