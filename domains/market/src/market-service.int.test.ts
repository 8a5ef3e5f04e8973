/** Whole services on a broker: their connections are cut, they take turns, and the inventory keeps account. */
import { create } from "@bufbuild/protobuf";
import {
  CancelOrderSchema,
  Fill,
  PlaceOrderSchema,
  Side,
} from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { bytesText, uuidBytes } from "@hexhold/messaging";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newAccount } from "../test/market-database.ts";
import { clientCommand, type MarketService, openMarketService } from "../test/market-service.ts";
import { randomOf } from "../test/random.ts";
import { ReferenceBook } from "../test/reference-book.ts";

/** Commits that reach PostgreSQL and whose answers nobody gets. */
const cutsMin = Number(process.env["HEXHOLD_MARKET_CUTS"] ?? "40");

let service: MarketService;
const books = ["wood", "stone"];

beforeEach(async () => {
  service = await openMarketService(books);
});
afterEach(async () => service.close());

interface OrderRow {
  readonly order_id: string;
  readonly account_id: string;
  readonly side: number;
  readonly price: string;
  readonly quantity: string;
  readonly is_immediate: boolean;
  readonly state: number;
  readonly seq: string;
  readonly open: string;
  readonly filled: string;
  readonly ended: string;
  readonly release_id: string | null;
}

const ordersOf = (book: string) =>
  service.rows<OrderRow>(`SELECT * FROM market."order" WHERE book = $1 ORDER BY seq`, [book]);

/** Escrow is to the unit what orders need: nothing was settled or given back twice, or not at all. */
async function expectAccounted(): Promise<void> {
  expect(service.faults).toEqual([]);
  const orders = (await Promise.all(books.map(ordersOf))).flat();
  const wrong = orders.flatMap((order) => {
    const need = order.side === 1 ? BigInt(order.price) * BigInt(order.open) : BigInt(order.open);
    const remaining = service.holds.get(order.order_id)?.remaining;
    return remaining === need ? [] : [`${order.order_id}: ${remaining} in escrow, ${need} needed`];
  });
  expect(wrong).toEqual([]);
}

const isQuiet = async (): Promise<boolean> => {
  const [row] = await service.rows<{ n: string }>(
    `SELECT (SELECT count(*) FROM market.outbox) + (SELECT count(*) FROM market."order" WHERE state = 1) AS n`,
  );
  return row!.n === "0";
};

test(
  "commits without an answer, and instances that take turns: each order once, trades as the reference has them, escrow to the unit",
  async () => {
    const random = randomOf(77);
    const sent: { readonly account: string; readonly requestId: Uint8Array }[] = [];
    await service.takeOver();
    await service.grantAll();
    for (let round = 0; service.proxy.swallowed < cutsMin || round < 40; round++) {
      if (round % 25 === 24) await service.takeOver();
      service.proxy.swallowNextCommit();
      for (const book of books) {
        const commands = Array.from({ length: 1 + random.below(12) }, () => {
          const account = newAccount();
          const message = create(PlaceOrderSchema, {
            book,
            side: random.oneOf([Side.BUY, Side.SELL]),
            price: BigInt(95 + random.below(10)),
            quantity: BigInt(1 + random.below(20)),
            fill: random.chance(15) ? Fill.IOC : Fill.GTC,
          });
          return {
            account,
            ...clientCommand("cmd.market.place-order", PlaceOrderSchema, message, {
              account,
              book,
            }),
          };
        });
        sent.push(...commands);
        await service.send(book, ...commands.map(({ envelope }) => envelope));
      }
      // Cut one after the other: the next one is not armed before.
      const wanted = round + 1;
      await expect
        .poll(() => service.proxy.swallowed, { timeout: 20_000, interval: 5 })
        .toBeGreaterThanOrEqual(wanted);
    }
    await expect.poll(() => service.answers.size, { timeout: 30_000 }).toBe(sent.length);
    await expect.poll(isQuiet, { timeout: 60_000 }).toBe(true);
    const answered = sent.map(
      ({ requestId }) => service.answers.get(bytesText(requestId))?.outcome.case,
    );
    expect(new Set(answered)).toEqual(new Set(["applied"]));
    const accounts: string[] = [];
    for (const book of books) {
      const orders = await ordersOf(book);
      accounts.push(...orders.map((order) => order.account_id));
      const reference = new ReferenceBook(1_000);
      for (const order of orders) {
        const { order_id: id, account_id: account, is_immediate: isImmediate } = order;
        const [price, quantity] = [BigInt(order.price), BigInt(order.quantity)];
        reference.place({
          id,
          account,
          isBuy: order.side === 1,
          price,
          quantity,
          isImmediate,
          expiresMs: Infinity,
        });
        reference.grant(id, 0);
      }
      expect(orders.map(({ seq }) => Number(seq))).toEqual(orders.map((_, n) => n + 1));
      expect(
        orders.map(({ order_id: id, open, filled, ended }) => [id, open, filled, ended]),
      ).toEqual(
        reference.orders.map(({ id, open, filled, ended }) => [
          id,
          String(open),
          String(filled),
          String(ended),
        ]),
      );
      const trades = await service.rows<{ line: string }>(
        "SELECT concat_ws(' ', buy_order, sell_order, price, quantity) AS line FROM market.trade WHERE book = $1 ORDER BY nth",
        [book],
      );
      expect(trades.map(({ line }) => line)).toEqual(
        reference.trades.map(({ buy, sell, price, quantity }) =>
          [buy, sell, price, quantity].join(" "),
        ),
      );
      expect(trades.length).toBeGreaterThan(20);
    }
    // Each command made one order, however often it was tried.
    expect(accounts.toSorted()).toEqual(sent.map(({ account }) => account).toSorted());
    // Answers and outboxes may still be on their way.
    await expect
      .poll(
        () =>
          expectAccounted().then(
            () => true,
            () => false,
          ),
        { timeout: 10_000 },
      )
      .toBe(true);
    await expectAccounted();
    expect(service.proxy.swallowed).toBeGreaterThanOrEqual(cutsMin);
    expect(await service.metric("hexhold_domain_second_lines_total")).toBe(0);
    expect(await service.metric("hexhold_domain_deadlocks_total")).toBe(0);
  },
  60_000 + cutsMin * 2_000,
);

test("an inventory that is away: orders wait and are asked for, a cancel marks, and all of it ends when it is back", async () => {
  await service.takeOver();
  const place = (side: Side) => {
    const account = newAccount();
    const message = create(PlaceOrderSchema, { book: "wood", side, price: 10n, quantity: 5n });
    return {
      account,
      ...clientCommand("cmd.market.place-order", PlaceOrderSchema, message, {
        account,
        book: "wood",
      }),
    };
  };
  const placed = [place(Side.BUY), place(Side.SELL), place(Side.BUY)];
  await service.send("wood", ...placed.map(({ envelope }) => envelope));
  await expect.poll(() => service.answers.size, { timeout: 20_000 }).toBe(3);
  const idOf = async ({ account }: { readonly account: string }): Promise<string> =>
    (
      await service.rows<{ order_id: string }>(
        `SELECT order_id FROM market."order" WHERE account_id = $1`,
        [account],
      )
    )[0]!.order_id;
  const [unwanted] = placed;
  const message = create(CancelOrderSchema, {
    book: "wood",
    orderId: uuidBytes(await idOf(unwanted!)),
  });
  const cancel = clientCommand("cmd.market.cancel-order", CancelOrderSchema, message, {
    account: unwanted!.account,
    book: "wood",
  });
  await service.send("wood", cancel.envelope);
  await expect.poll(() => service.answers.size, { timeout: 20_000 }).toBe(4);
  // Asked for, by the times: 0.3, 0.9, 2.1 s.
  await expect
    .poll(() => service.metric(`hexhold_domain_timers_total{service="market",kind="ask"}`), {
      timeout: 20_000,
    })
    .toBeGreaterThanOrEqual(6);
  expect(await service.rows(`SELECT 1 FROM market."order" WHERE state = 1`)).toHaveLength(3);
  await service.grantAll();
  await expect.poll(isQuiet, { timeout: 30_000 }).toBe(true);
  const states = await Promise.all(
    placed.map(async (order) => {
      const [row] = await service.rows<OrderRow>(
        `SELECT * FROM market."order" WHERE account_id = $1`,
        [order.account],
      );
      return [row!.state, Number(row!.filled), Number(row!.ended)];
    }),
  );
  expect(states).toEqual([
    [4, 0, 5],
    [3, 5, 0],
    [3, 5, 0],
  ]);
  await expect
    .poll(
      () =>
        expectAccounted().then(
          () => true,
          () => false,
        ),
      { timeout: 10_000 },
    )
    .toBe(true);
}, 120_000);
