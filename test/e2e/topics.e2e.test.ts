/** What players hear of the market and of their balances, in a world of a process per service. */
import {
  type BookState,
  type Client,
  connect,
  createInventory,
  createMarket,
  type TopicUpdate,
} from "@hexhold/client";
import { PlaceOrderSchema, Side } from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { startWorld, type World } from "@hexhold/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

let world: World;
const clients: Client[] = [];

beforeAll(async () => {
  world = await startWorld({ profile: "cluster" });
});
afterAll(async () => {
  for (const client of clients) client.close();
  await world?.stop();
});

async function join() {
  const [player] = await world.mint(1);
  const client = await connect({ url: world.status().endpoints.ws, token: player!.token });
  clients.push(client);
  return {
    id: player!.accountId,
    client,
    async place(side: Side, price: bigint, quantity: bigint): Promise<void> {
      const order = { book: "wood", side, price, quantity };
      const { outcome } = await client.send(PlaceOrderSchema, undefined, order);
      expect(outcome).toBe("applied");
    },
  };
}

/** The newest state that an iterator has given. */
function newestOf<S>(iterator: AsyncIterable<S>): { readonly now: S | undefined } {
  const newest: { now: S | undefined } = { now: undefined };
  void (async () => {
    for await (const state of iterator) newest.now = state;
  })();
  return newest;
}
const levels = (book: BookState | undefined): string[] | undefined =>
  book && [
    ...book.bids.map(({ price, quantity }) => `buy ${quantity} at ${price}`),
    ...book.asks.map(({ price, quantity }) => `sell ${quantity} at ${price}`),
  ];
/** Far below the 60 s after which everything is read in any case. */
const soon = { timeout: 8_000, interval: 20 };

test("a trade is heard by its two players and by who listens to the book, and by nobody else", async () => {
  const [seller, buyer, other] = await Promise.all([join(), join(), join()]);
  const heard: TopicUpdate[] = [];
  other.client.listen("player", (update) => heard.push(update));
  const book = newestOf(createMarket(other.client).watch("wood"));
  const [sold, bought] = [seller, buyer].map(({ client }) => ({
    orders: newestOf(createMarket(client).watchOrders()),
    balances: newestOf(createInventory(client).watch()),
  }));
  const has = (of: typeof sold): string[] =>
    [...(of!.balances.now ?? [])]
      .map(([asset, { available, held }]) => `${asset} ${available} + ${held}`)
      .toSorted();
  await expect.poll(() => levels(book.now), soon).toEqual([]);
  await expect.poll(() => bought!.balances.now?.size, soon).toBe(0);

  await world.grant(seller.id, "wood", 10n);
  await world.grant(seller.id, "coin", 5n);
  await world.grant(buyer.id, "coin", 1_000n);
  await expect.poll(() => has(sold), soon).toEqual(["coin 5 + 0", "wood 10 + 0"]);
  await expect.poll(() => has(bought), soon).toEqual(["coin 1000 + 0"]);

  await seller.place(Side.SELL, 100n, 5n);
  await expect.poll(() => levels(book.now), soon).toEqual(["sell 5 at 100"]);
  await expect.poll(() => has(sold), soon).toEqual(["coin 0 + 0", "wood 5 + 5"]);
  await expect.poll(() => sold!.orders.now?.map(({ open }) => open), soon).toEqual([5n]);

  await buyer.place(Side.BUY, 120n, 3n);
  await expect.poll(() => levels(book.now), soon).toEqual(["sell 2 at 100"]);
  expect(book.now!.lastPrice).toBe(100n);
  await expect.poll(() => has(bought), soon).toEqual(["coin 696 + 0", "wood 3 + 0"]);
  await expect.poll(() => has(sold), soon).toEqual(["coin 294 + 0", "wood 5 + 2"]);
  await expect.poll(() => sold!.orders.now?.map(({ open }) => open), soon).toEqual([2n]);
  expect(bought!.orders.now).toEqual([]);
  expect(heard).toEqual([{ kind: "mark", seq: 0n }]);
}, 90_000);
