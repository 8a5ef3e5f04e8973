/**
 * Matching: an order that comes to a book meets what rests on the other side, the best price first and of a price the oldest,
 * at the price of what rests. Pure.
 */
import type { OrderBook } from "../book/order-book.ts";
import type { Trade } from "./decision.ts";
import { endedOrder, filledOrder, type Order } from "./order.ts";

export interface Matched {
  /** What came, after its trades: `filled`, or `open` with what is left. */
  readonly taker: Order;
  /** What rested and was met: filled in part or whole, or ended. */
  readonly met: readonly Order[];
  readonly trades: readonly Trade[];
  /** There is more to meet. */
  readonly isTooLong: boolean;
}

/**
 * An order of the same account that is met ends (`self-trade`), and so does one whose time is over (`expired`), and matching
 * goes on: nothing is left that rests crossed. `metMax` bounds trades and expired orders; one's own are bounded already.
 */
export function match(book: OrderBook, opened: Order, nowMs: number, metMax: number): Matched {
  const trades: Trade[] = [];
  const met: Order[] = [];
  let taker = opened;
  let count = 0;
  let isTooLong = false;
  const isBuy = opened.side === "buy";
  for (const maker of book.resting(isBuy ? "sell" : "buy")) {
    if (taker.open === 0n || !crosses(opened, maker)) break;
    if (maker.account === taker.account) {
      met.push(endedOrder(maker, maker.open, "self-trade"));
      continue;
    }
    if (count === metMax) {
      isTooLong = true;
      break;
    }
    count++;
    if (maker.expiresMs <= nowMs) {
      met.push(endedOrder(maker, maker.open, "expired"));
      continue;
    }
    const { price } = maker;
    const quantity = maker.open < taker.open ? maker.open : taker.open;
    const [buy, sell] = isBuy ? [taker, maker] : [maker, taker];
    trades.push({
      buy: buy.id,
      sell: sell.id,
      price,
      quantity,
      buyLimit: buy.price,
      takerSide: opened.side,
    });
    met.push(filledOrder(maker, quantity, price));
    taker = filledOrder(taker, quantity, price);
  }
  // One change, however many trades.
  return { taker: { ...taker, version: opened.version }, met, trades, isTooLong };
}

function crosses(taker: Order, maker: Order): boolean {
  return taker.side === "buy" ? maker.price <= taker.price : maker.price >= taker.price;
}
