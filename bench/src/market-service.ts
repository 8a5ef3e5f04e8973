/**
 * The market alone: answers of the inventory, each of which opens an order and matches it, from the first publish to the last
 * commit; in turn with the same books and the same `market.store` without broker and protobuf (`@hexhold/market/bare`).
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { EndHoldSchema, HoldEnd } from "@hexhold/gen/hexhold/market/v1/steps_pb";
import { Fill, PlaceOrderSchema, Side } from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { openBareMarket, type PlacedOrder } from "@hexhold/market/bare";
import { type Bus, domainQueueOf, uuidBytes, uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { migrate } from "@hexhold/postgres";
import { startWorld, type World } from "@hexhold/testing";
import path from "node:path";
import { cpuSeconds } from "./cpu.ts";
import { acknowledgeAll } from "./inventory-sink.ts";
import { connectedBus, publishBatch, serviceEnvelope } from "./service-messages.ts";
import { countOf, runSql, untilCount } from "./world-sql.ts";

export interface MarketServiceRow {
  readonly target: "bare" | "service";
  readonly books: number;
  readonly batch: number;
  readonly round: number;
  readonly orders: number;
  readonly perSecond: number;
  readonly trades: number;
  /** CPU microseconds an order, by process. */
  readonly cpuUs: Readonly<Record<string, number>>;
}

const sizes = [
  { batch: 1, orders: 1_024 },
  { batch: 16, orders: 8_192 },
  { batch: 128, orders: 24_576 },
] as const;
const bookCounts = [1, 8] as const;
const migrations = path.resolve(import.meta.dirname, "../../infra/pg_migrations");
const referenceDatabase = "bench_bare_market";
/** Of messages that wait for their confirm. */
const publishesMax = 256;

export async function measureMarketService(rounds: number): Promise<MarketServiceRow[]> {
  const books = booksOfEachQueue();
  const world = await startWorld({
    profile: "cluster",
    env: {
      HEXHOLD_INVENTORY__ENABLED: "false",
      HEXHOLD_MARKET__BOOKS: `[${books.join(", ")}]`,
      HEXHOLD_MARKET__RESTING_MAX: "100000",
      HEXHOLD_MARKET__LOG_LEVEL: "warn",
    },
  });
  const sink = await acknowledgeAll(world.status().services["rabbitmq"]!.url);
  const players = await connectedBus(world.brokerUrl("gateway"), "gateway/bench");
  const inventory = await connectedBus(world.brokerUrl("inventory"), "inventory/bench");
  const rows: MarketServiceRow[] = [];
  try {
    const bareUrl = await bareDatabase(world);
    for (const bookCount of bookCounts) {
      for (const size of sizes) {
        for (let round = 1; round <= rounds; round++) {
          const used = books.slice(0, bookCount);
          rows.push(await measureBare(world, bareUrl, used, size, round));
          rows.push(await measureService(world, players, inventory, used, size, round));
          for (const row of rows.slice(-2)) console.log(line(row));
        }
      }
    }
    return rows;
  } finally {
    await Promise.all([players.close(), inventory.close(), sink.close()]);
    await world.stop();
  }
}

function line({
  target,
  books,
  batch,
  perSecond,
  orders,
  trades,
  cpuUs,
}: MarketServiceRow): string {
  const share = (trades / orders).toFixed(2);
  return `market ${target}, ${books} book(s), ${batch} a message: ${perSecond} orders/s, ${share} trades an order, CPU µs each ${JSON.stringify(cpuUs)}`;
}

/** Eight names of books, one for each queue of the market. */
function booksOfEachQueue(): string[] {
  const byQueue = new Map<string, string>();
  for (let n = 0; byQueue.size < 8; n++) {
    const name = `book-${n}`;
    const queue = domainQueueOf("market", name);
    if (!byQueue.has(queue)) byQueue.set(queue, name);
  }
  return [...byQueue.values()];
}

/** A database beside the world's, on the same server. */
async function bareDatabase(world: World): Promise<string> {
  const admin = world.status().services["postgres"]!.url;
  await runSql(admin, `CREATE DATABASE ${referenceDatabase}`);
  const url = new URL(admin);
  url.pathname = `/${referenceDatabase}`;
  await migrate({ adminUrl: url.href, directory: migrations });
  return url.href;
}

interface Placed {
  readonly book: string;
  readonly order: PlacedOrder;
}

/** As many buys as sells, around one price: about three trades for four orders. */
function someOrders(books: readonly string[], count: number): Placed[] {
  let seed = 1;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const nowMs = Date.now();
  return Array.from({ length: count }, (_, n): Placed => ({
    book: books[n % books.length]!,
    order: {
      id: uuidText(uuidv7Bytes()),
      account: uuidText(uuidv7Bytes()),
      side: random(2) === 0 ? "buy" : "sell",
      price: BigInt(95 + random(11)),
      quantity: BigInt(1 + random(9)),
      isImmediate: false,
      placedMs: nowMs,
      expiresMs: nowMs + 86_400_000,
    },
  }));
}

/** Batches of one book each, in turn. */
function batchesOf<T>(items: readonly { readonly book: string; readonly item: T }[], size: number) {
  const open = new Map<string, T[]>();
  const batches: { readonly book: string; readonly items: readonly T[] }[] = [];
  for (const { book, item } of items) {
    const batch = open.get(book) ?? [];
    batch.push(item);
    if (batch.length < size) open.set(book, batch);
    else {
      batches.push({ book, items: batch });
      open.delete(book);
    }
  }
  return [...batches, ...[...open].map(([book, rest]) => ({ book, items: rest }))];
}

async function measureBare(
  world: World,
  url: string,
  books: readonly string[],
  { batch, orders }: (typeof sizes)[number],
  round: number,
): Promise<MarketServiceRow> {
  const market = await openBareMarket(url, books, books.length);
  try {
    const placed = someOrders(books, orders);
    const items = placed.map(({ book, order }) => ({ book, item: order }));
    for (const part of batchesOf(items, 256)) await market.place(part.book, part.items);
    const grants = batchesOf(
      placed.map(({ book, order }) => ({ book, item: order.id })),
      batch,
    );
    const tradesBefore = await countOf(url, "market.trade");
    const measured = await timed(world, { bench: process.pid }, orders, async () => {
      await Promise.all(
        books.map(async (book) => {
          for (const part of grants) if (part.book === book) await market.grant(book, part.items);
        }),
      );
    });
    const trades = (await countOf(url, "market.trade")) - tradesBefore;
    return { target: "bare", books: books.length, batch, round, orders, trades, ...measured };
  } finally {
    await market.close();
    await emptied(url);
  }
}

async function measureService(
  world: World,
  players: Bus,
  inventory: Bus,
  books: readonly string[],
  { batch, orders }: (typeof sizes)[number],
  round: number,
): Promise<MarketServiceRow> {
  const { url } = world.status().services["postgres"]!;
  // Placed as players do; the ids are the market's.
  const wanted = someOrders(books, orders);
  const places = wanted.map(({ book, order }) => ({ book, item: placeEnvelope(book, order) }));
  await inParallel(batchesOf(places, 128), ({ book, items }) =>
    publishBatch(players, domainQueueOf("market", book), items),
  );
  await untilCount(url, 'market."order" WHERE state = 1', orders);
  const reserving = await runSql<{ id: string; book: string }>(
    url,
    `SELECT order_id::text AS id, book FROM market."order" WHERE state = 1 ORDER BY placed_at, order_id`,
  );
  const messages = batchesOf(
    reserving.map(({ id, book }) => ({ book, item: endHoldEnvelope(id, book) })),
    batch,
  );
  const tradesBefore = await countOf(url, "market.trade");
  const pids = {
    market: world.pidOf("market-1"),
    rabbitmq: world.status().services["rabbitmq"]!.pid!,
  };
  const measured = await timed(world, pids, orders, async () => {
    await inParallel(messages, ({ book, items }) =>
      publishBatch(inventory, domainQueueOf("market", book), items),
    );
    await untilCount(url, 'market."order" WHERE state = 1', 0);
  });
  const trades = (await countOf(url, "market.trade")) - tradesBefore;
  // What the relay has still to send is not measured, and would be in the next row.
  await untilCount(url, "market.outbox", 0);
  await emptied(url);
  return { target: "service", books: books.length, batch, round, orders, trades, ...measured };
}

/** Rows of one measurement would be the weight of the next. The service reads its books anew: their versions differ. */
async function emptied(url: string): Promise<void> {
  await runSql(
    url,
    `TRUNCATE market.trade, market."order", market.candle, market.due, market.outbox, market.inbox, market.result;
     UPDATE market.book SET version = version + 1`,
  );
}

async function timed(
  world: World,
  own: Readonly<Record<string, number>>,
  orders: number,
  work: () => Promise<void>,
): Promise<Pick<MarketServiceRow, "perSecond" | "cpuUs">> {
  const pids = { ...own, postgres: world.status().services["postgres"]!.pid! };
  const cpuOf = (pid: number): number => cpuSeconds(pid, pid !== process.pid);
  const before = new Map(Object.entries(pids).map(([name, pid]) => [name, cpuOf(pid)]));
  const startedMs = performance.now();
  await work();
  const seconds = (performance.now() - startedMs) / 1000;
  const cpuUs = Object.fromEntries(
    Object.entries(pids).map(([name, pid]) => [
      name,
      Math.round(((cpuOf(pid) - before.get(name)!) * 1e6) / orders),
    ]),
  );
  return { perSecond: Math.round(orders / seconds), cpuUs };
}

async function inParallel<T>(items: readonly T[], each: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const lanes = Array.from({ length: Math.min(publishesMax, items.length) }, async () => {
    while (next < items.length) await each(items[next++]!);
  });
  await Promise.all(lanes);
}

function placeEnvelope(book: string, { account, side, price, quantity }: PlacedOrder): Uint8Array {
  const payload = toBinary(
    PlaceOrderSchema,
    create(PlaceOrderSchema, {
      book,
      side: side === "buy" ? Side.BUY : Side.SELL,
      price,
      quantity,
      fill: Fill.GTC,
    }),
  );
  return serviceEnvelope("gateway", "cmd.market.place-order", payload, book, uuidBytes(account));
}

function endHoldEnvelope(orderId: string, book: string): Uint8Array {
  const message = create(EndHoldSchema, { holdId: uuidBytes(orderId), end: HoldEnd.HELD, book });
  return serviceEnvelope(
    "inventory",
    "cmd.market.end-hold",
    toBinary(EndHoldSchema, message),
    book,
  );
}
