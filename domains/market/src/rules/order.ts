/**
 * A limit order, as a value.
 *
 * - `reserving`: its escrow is being asked for. Nobody sees it, nothing meets it. `wantEnd` marks that it is to end when the
 *   answer comes. Leaves to `open` or `filled` (granted), `cancelled` or `expired` (granted, and marked, late or halted),
 *   `rejected` (refused).
 * - `open`: in the book, with escrow for `open` units. Leaves to `filled`, `cancelled`, `expired`.
 * - `filled`, `cancelled`, `expired`, `rejected`: for good.
 */
export type Side = "buy" | "sell";

export type OrderState = "reserving" | "open" | "filled" | "cancelled" | "expired" | "rejected";

/** Why an order ended without being filled. Of a rejected one: the inventory's reason. */
export type EndReason =
  | "cancelled"
  | "operator"
  | "expired"
  | "self-trade"
  | "not-filled"
  | "too-long"
  | "halted";

/** What is fixed when it is placed. */
export interface PlacedOrder {
  /** UUID as text; also the id of its hold. */
  readonly id: string;
  /** UUID as text. */
  readonly account: string;
  readonly side: Side;
  /** Coin for one: at most, or at least. */
  readonly price: bigint;
  readonly quantity: bigint;
  /** Immediate or cancel: what meets nothing at once ends. */
  readonly isImmediate: boolean;
  /** World time, Unix milliseconds. */
  readonly placedMs: number;
  readonly expiresMs: number;
}

export interface Order extends PlacedOrder {
  readonly state: OrderState;
  /** Its place in time among the orders of its book: when its escrow was granted. 0 = it never was in the book. */
  readonly seq: bigint;
  /** Units in the book, sold or bought, and out of the book without either: the quantity, once escrow is known. */
  readonly open: bigint;
  readonly filled: bigint;
  readonly ended: bigint;
  /** Coin of its trades. */
  readonly paid: bigint;
  /** Empty = it has not ended, or was filled. */
  readonly endedReason: string;
  /** While it is `reserving`: why it is to end. Empty = it is not. */
  readonly wantEnd: EndReason | "";
  /** World time at which its owner asked for its end; 0 = it did not. */
  readonly endAskedMs: number;
  /** Rises with each change. */
  readonly version: bigint;
}

export function reservingOrder(placed: PlacedOrder): Order {
  return {
    ...placed,
    state: "reserving",
    seq: 0n,
    open: 0n,
    filled: 0n,
    ended: 0n,
    paid: 0n,
    endedReason: "",
    wantEnd: "",
    endAskedMs: 0,
    version: 1n,
  };
}

/** Whether it may still trade. */
export function isLive({ state }: Order): boolean {
  return state === "reserving" || state === "open";
}

/** Out of the book for good, with `units` that no trade has taken. */
export function endedOrder(order: Order, units: bigint, reason: EndReason): Order {
  return {
    ...order,
    state: reason === "expired" ? "expired" : "cancelled",
    open: 0n,
    ended: units,
    endedReason: reason,
    version: order.version + 1n,
  };
}

/** After a trade of `units` at `price`; `filled` when nothing is left. */
export function filledOrder(order: Order, units: bigint, price: bigint): Order {
  const open = order.open - units;
  return {
    ...order,
    state: open === 0n ? "filled" : "open",
    open,
    filled: order.filled + units,
    paid: order.paid + price * units,
    version: order.version + 1n,
  };
}
