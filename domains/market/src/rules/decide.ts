/** What becomes of a book by one command. Pure: it reads the book, and `OrderBook.apply` takes the decision over. */
import type { OrderBook } from "../book/order-book.ts";
import type { Decision } from "./decision.ts";
import { match } from "./match.ts";
import {
  endedOrder,
  type EndReason,
  type Order,
  type PlacedOrder,
  reservingOrder,
} from "./order.ts";
import { isOnTick, isTooLarge } from "./money.ts";

export interface BookLimits {
  /** Live orders of an account in a book. */
  readonly ordersPerBookMax: number;
  /** Live orders of a book. Those whose escrow is asked for count: there is room for them when it comes. */
  readonly restingMax: number;
  /** What one order may meet; then it ends as one that is immediate. */
  readonly tradesPerCommandMax: number;
}

export type BookCommand =
  | { readonly kind: "place"; readonly order: PlacedOrder }
  /** Escrow is there. */
  | { readonly kind: "grant"; readonly id: string; readonly nowMs: number }
  | { readonly kind: "reject"; readonly id: string; readonly reason: string }
  | {
      readonly kind: "cancel";
      readonly id: string;
      readonly account: string;
      readonly nowMs: number;
    }
  /** Its time is over. */
  | { readonly kind: "expire"; readonly id: string; readonly nowMs: number }
  /** Every order of an account, by an operator. */
  | { readonly kind: "end-all"; readonly account: string };

export type PlaceRefusal = "halted" | "off-tick" | "too-large" | "too-many-orders" | "book-full";
export type DecideRefusal = PlaceRefusal | "not-live";

export type Decided =
  | ({ readonly kind: "decided" } & Decision)
  | { readonly kind: "refused"; readonly reason: DecideRefusal };

export function decide(book: OrderBook, command: BookCommand, limits: BookLimits): Decided {
  switch (command.kind) {
    case "place":
      return place(book, command.order, limits);
    case "grant":
      return grant(book, command.id, command.nowMs, limits);
    case "reject": {
      const order = book.live(command.id);
      if (order?.state !== "reserving") return notLive;
      const rejected: Order = {
        ...order,
        state: "rejected",
        ended: order.quantity,
        endedReason: command.reason,
        version: order.version + 1n,
      };
      return decided(book, { orders: [rejected] });
    }
    case "cancel": {
      const order = book.live(command.id);
      if (order === undefined || order.account !== command.account) return notLive;
      return end(book, [{ ...order, endAskedMs: command.nowMs }], "cancelled");
    }
    case "expire": {
      const order = book.live(command.id);
      if (order === undefined || order.expiresMs > command.nowMs) return notLive;
      return end(book, [order], "expired");
    }
    case "end-all":
      return end(book, book.ordersOf(command.account), "operator");
    default:
      return command satisfies never;
  }
}

const refused = (reason: DecideRefusal): Decided => ({ kind: "refused", reason });
const notLive = refused("not-live");

function decided(book: OrderBook, parts: Partial<Decision>): Decided {
  return {
    kind: "decided",
    orders: [],
    trades: [],
    ended: [],
    marked: [],
    seq: book.seq,
    ...parts,
  };
}

function place(book: OrderBook, placed: PlacedOrder, limits: BookLimits): Decided {
  if (book.isHalted) return refused("halted");
  if (!isOnTick(placed.price)) return refused("off-tick");
  if (isTooLarge(placed.price, placed.quantity)) return refused("too-large");
  if (book.countOf(placed.account) >= limits.ordersPerBookMax) return refused("too-many-orders");
  if (book.size >= limits.restingMax) return refused("book-full");
  return decided(book, { orders: [reservingOrder(placed)] });
}

function grant(book: OrderBook, id: string, nowMs: number, limits: BookLimits): Decided {
  const order = book.live(id);
  if (order?.state !== "reserving") return notLive;
  const reason = endAtGrant(book, order, nowMs);
  if (reason !== undefined) {
    const ended = endedOrder(order, order.quantity, reason);
    return decided(book, { orders: [ended], ended: [ended] });
  }
  const seq = book.seq + 1n;
  const opened: Order = {
    ...order,
    state: "open",
    seq,
    open: order.quantity,
    version: order.version + 1n,
  };
  const { taker, met, trades, isTooLong } = match(book, opened, nowMs, limits.tradesPerCommandMax);
  const left = takerEnd(taker, isTooLong);
  const last = left === undefined ? taker : endedOrder(taker, taker.open, left);
  const orders = [...met, last];
  const ended = orders.filter((order) => order.ended > 0n);
  return decided(book, { orders, trades, ended, seq });
}

/** Why an order whose escrow is there does not open. */
function endAtGrant(book: OrderBook, order: Order, nowMs: number): EndReason | undefined {
  if (order.wantEnd !== "") return order.wantEnd;
  if (order.expiresMs <= nowMs) return "expired";
  return book.isHalted ? "halted" : undefined;
}

function takerEnd(taker: Order, isTooLong: boolean): EndReason | undefined {
  if (taker.open === 0n) return undefined;
  if (isTooLong) return "too-long";
  return taker.isImmediate ? "not-filled" : undefined;
}

/** Those that rest leave the book; those whose escrow is asked for are marked, once. */
function end(book: OrderBook, orders: readonly Order[], reason: EndReason): Decided {
  const ended = orders
    .filter(({ state }) => state === "open")
    .map((order) => endedOrder(order, order.open, reason));
  const marked = orders
    .filter(({ state, wantEnd }) => state === "reserving" && wantEnd === "")
    .map((order): Order => ({ ...order, wantEnd: reason, version: order.version + 1n }));
  return decided(book, { orders: [...ended, ...marked], ended, marked });
}
