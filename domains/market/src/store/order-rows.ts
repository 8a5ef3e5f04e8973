/** Orders as rows: the numbers of their states and sides, which are those of the contract, and how a row is read. */
import type { EndReason, Order, OrderState, Side } from "../rules/order.ts";

/** As `market.v1.OrderState`. */
export const stateNumbers = {
  reserving: 1,
  open: 2,
  filled: 3,
  cancelled: 4,
  expired: 5,
  rejected: 6,
} as const satisfies Record<OrderState, number>;

/** As `market.v1.Side`. */
export const sideNumbers = { buy: 1, sell: 2 } as const satisfies Record<Side, number>;

const states = new Map<number, OrderState>(
  Object.entries(stateNumbers).map(([state, number]) => [number, state as OrderState]),
);

/** Columns of {@link OrderRow}, of a table named `o`. */
export const orderColumns = `o.order_id::text, o.book, o.account_id::text, o.side, o.price::text, o.quantity::text,
  o.is_immediate, (extract(epoch FROM o.placed_at) * 1000)::bigint::text AS placed_ms,
  (extract(epoch FROM o.expires_at) * 1000)::bigint::text AS expires_ms, o.state, o.seq::text, o.open::text,
  o.filled::text, o.ended::text, o.paid::text, o.ended_reason, o.want_end, o.version::text,
  coalesce((extract(epoch FROM o.end_asked_at) * 1000)::bigint, 0)::text AS end_asked_ms`;

export interface OrderRow {
  readonly order_id: string;
  readonly book: string;
  readonly account_id: string;
  readonly side: number;
  readonly price: string;
  readonly quantity: string;
  readonly is_immediate: boolean;
  readonly placed_ms: string;
  readonly expires_ms: string;
  readonly state: number;
  readonly seq: string;
  readonly open: string;
  readonly filled: string;
  readonly ended: string;
  readonly paid: string;
  readonly ended_reason: string;
  readonly want_end: string;
  readonly version: string;
  readonly end_asked_ms: string;
}

export function orderOf(row: OrderRow): Order {
  return {
    id: row.order_id,
    account: row.account_id,
    side: row.side === sideNumbers.buy ? "buy" : "sell",
    price: BigInt(row.price),
    quantity: BigInt(row.quantity),
    isImmediate: row.is_immediate,
    placedMs: Number(row.placed_ms),
    expiresMs: Number(row.expires_ms),
    state: states.get(row.state)!,
    seq: BigInt(row.seq),
    open: BigInt(row.open),
    filled: BigInt(row.filled),
    ended: BigInt(row.ended),
    paid: BigInt(row.paid),
    endedReason: row.ended_reason,
    wantEnd: row.want_end as EndReason | "",
    endAskedMs: Number(row.end_asked_ms),
    version: BigInt(row.version),
  };
}
