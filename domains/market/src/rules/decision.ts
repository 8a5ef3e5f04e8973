/** What a command has done to a book, as a value. */
import type { Order, Side } from "./order.ts";

export interface Trade {
  /** Ids of orders. */
  readonly buy: string;
  readonly sell: string;
  /** Of the order that was there. */
  readonly price: bigint;
  readonly quantity: bigint;
  /** The buyer's own limit. */
  readonly buyLimit: bigint;
  readonly takerSide: Side;
}

export interface Decision {
  /** Orders that changed, each once, as they are now. */
  readonly orders: readonly Order[];
  /** In the order in which they happened. */
  readonly trades: readonly Trade[];
  /** Of `orders`: those that left with units that escrow is there for. It is owed back. */
  readonly ended: readonly Order[];
  /** Of `orders`: those that were marked to end while escrow is asked for. The inventory is asked. */
  readonly marked: readonly Order[];
  /** The book's. */
  readonly seq: bigint;
}
