/** What is asked about books and orders: read from the database, without locks and without a plan that outlives the question. */
import type { Transaction } from "@hexhold/domain";
import type { Side as TakerSide } from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { uuidArray } from "@hexhold/postgres";
import { uuidBytes } from "@hexhold/messaging";
import type { Order, Side } from "../rules/order.ts";
import { orderColumns, type OrderRow, orderOf, sideNumbers } from "./order-rows.ts";

export interface BookState {
  readonly version: bigint;
  readonly lastPrice: bigint;
  readonly isHalted: boolean;
}

/** Undefined: there is no such book. */
export async function bookState(
  transaction: Transaction,
  name: string,
): Promise<BookState | undefined> {
  const [row] = await transaction.query<{
    version: string;
    last_price: string;
    is_halted: boolean;
  }>({
    text: "SELECT version::text, last_price::text, is_halted FROM market.book WHERE book = $1",
    values: [name],
  });
  if (row === undefined) return undefined;
  return {
    version: BigInt(row.version),
    lastPrice: BigInt(row.last_price),
    isHalted: row.is_halted,
  };
}

export interface LevelRow {
  readonly price: bigint;
  readonly quantity: bigint;
  readonly orders: number;
}

/** The best prices of a side, the best first. */
export async function levelsOf(
  transaction: Transaction,
  name: string,
  side: Side,
  limit: number,
): Promise<LevelRow[]> {
  const rows = await transaction.query<{ price: string; quantity: string; orders: string }>({
    text: `SELECT price::text, sum(open)::text AS quantity, count(*)::text AS orders FROM market."order" AS o
      WHERE o.book = $1 AND o.side = $2 AND o.state = 2
      GROUP BY o.price ORDER BY o.price ${side === "buy" ? "DESC" : "ASC"} LIMIT $3`,
    values: [name, sideNumbers[side], limit],
  });
  return rows.map(({ price, quantity, orders }) => ({
    price: BigInt(price),
    quantity: BigInt(quantity),
    orders: Number(orders),
  }));
}

export interface TradeRow {
  readonly price: bigint;
  readonly quantity: bigint;
  readonly takerSide: TakerSide;
  readonly atMs: bigint;
}

/** The newest first. */
export async function tradesOf(
  transaction: Transaction,
  name: string,
  limit: number,
): Promise<TradeRow[]> {
  const rows = await transaction.query<{
    price: string;
    quantity: string;
    taker_side: TakerSide;
    at_ms: string;
  }>({
    text: `SELECT price::text, quantity::text, taker_side, (extract(epoch FROM at) * 1000)::bigint::text AS at_ms
      FROM market.trade WHERE book = $1 ORDER BY nth DESC LIMIT $2`,
    values: [name, limit],
  });
  return rows.map((row) => ({
    price: BigInt(row.price),
    quantity: BigInt(row.quantity),
    takerSide: row.taker_side,
    atMs: BigInt(row.at_ms),
  }));
}

export interface CandleRow {
  readonly atMs: bigint;
  readonly open: bigint;
  readonly high: bigint;
  readonly low: bigint;
  readonly close: bigint;
  readonly volume: bigint;
}

/** The newest first. `span`: as `market.v1.Span`. */
export async function candlesOf(
  transaction: Transaction,
  name: string,
  span: number,
  limit: number,
): Promise<CandleRow[]> {
  const rows = await transaction.query<Record<keyof CandleRow, string>>({
    text: `SELECT (extract(epoch FROM at) * 1000)::bigint::text AS "atMs", open::text, high::text, low::text, close::text,
        volume::text
      FROM market.candle WHERE book = $1 AND span = $2 ORDER BY at DESC LIMIT $3`,
    values: [name, span, limit],
  });
  return rows.map((row) => ({
    atMs: BigInt(row.atMs),
    open: BigInt(row.open),
    high: BigInt(row.high),
    low: BigInt(row.low),
    close: BigInt(row.close),
    volume: BigInt(row.volume),
  }));
}

export interface OrderOfBook {
  readonly book: string;
  readonly order: Order;
}

/** How long an order that has ended is shown. */
const endedShownMs = 7 * 86_400_000;
/** And placed: two weeks is the longest life. One whose escrow took longer still is not shown once it has ended. */
const placedShownMs = endedShownMs + 15 * 86_400_000;

/** Orders of an account, the newest first: those that are live, and unless `openOnly` those that ended lately. */
export async function ordersOf(
  transaction: Transaction,
  account: string,
  asked: {
    readonly limit: number;
    /** UUID as text: those that were placed before it. */
    readonly before: string;
    readonly openOnly: boolean;
    readonly nowMs: number;
  },
): Promise<OrderOfBook[]> {
  const { limit, before, openOnly, nowMs } = asked;
  const ended = ` UNION ALL (
    SELECT ${orderColumns} FROM market."order" AS o
    WHERE o.account_id = $1 AND o.order_id < $2 AND o.order_id >= $4 AND o.state >= 3
      AND o.ended_at > to_timestamp($5::float8 / 1000)
    ORDER BY o.order_id DESC LIMIT $3)
    ORDER BY 1 DESC LIMIT $3`;
  const values = [account, before, limit];
  const rows = await transaction.query<OrderRow>({
    text: `SELECT * FROM ((SELECT ${orderColumns} FROM market."order" AS o
        WHERE o.account_id = $1 AND o.order_id < $2 AND o.state <= 2
        ORDER BY o.order_id DESC LIMIT $3)
      ${openOnly ? "" : ended}) AS listed ORDER BY 1 DESC LIMIT $3`,
    values: openOnly ? values : [...values, leastIdOf(nowMs - placedShownMs), nowMs - endedShownMs],
  });
  return rows.map((row) => ({ book: row.book, order: orderOf(row) }));
}

/** The least UUIDv7 of a moment, as text. */
function leastIdOf(ms: number): string {
  const digits = Math.max(ms, 0).toString(16).padStart(12, "0");
  return `${digits.slice(0, 8)}-${digits.slice(8)}-0000-0000-000000000000`;
}

/** Whether an account has, or had, an order in a book. */
export async function hasOrder(
  transaction: Transaction,
  { id, account, book }: { readonly id: string; readonly account: string; readonly book: string },
): Promise<boolean> {
  const rows = await transaction.query({
    text: `SELECT 1 FROM market."order" WHERE order_id = $1 AND account_id = $2 AND book = $3`,
    values: [id, account, book],
  });
  return rows.length > 0;
}

/** Undefined: there is none. */
export async function readOrder(
  transaction: Transaction,
  id: string,
): Promise<OrderOfBook | undefined> {
  const [row] = await transaction.query<OrderRow>({
    text: `SELECT ${orderColumns} FROM market."order" AS o WHERE o.order_id = $1`,
    values: [id],
  });
  return row === undefined ? undefined : { book: row.book, order: orderOf(row) };
}

/** Those of `ids` that are live, and where. */
export async function liveOrders(
  transaction: Transaction,
  ids: readonly string[],
): Promise<OrderOfBook[]> {
  const rows = await transaction.query<OrderRow>({
    text: `SELECT ${orderColumns} FROM market."order" AS o WHERE o.order_id = ANY ($1::uuid[]) AND o.state <= 2`,
    values: [uuidArray(ids.map(uuidBytes))],
  });
  return rows.map((row) => ({ book: row.book, order: orderOf(row) }));
}
