/** The market's rules once more, as a list that is scanned from end to end: slow, and plain enough to be believed. */
export interface ReferenceOrder {
  readonly id: string;
  readonly account: string;
  readonly isBuy: boolean;
  readonly price: bigint;
  readonly quantity: bigint;
  readonly isImmediate: boolean;
  readonly expiresMs: number;
  state: string;
  seq: number;
  open: bigint;
  filled: bigint;
  ended: bigint;
  paid: bigint;
  reason: string;
  wantEnd: string;
}

export interface ReferenceTrade {
  readonly buy: string;
  readonly sell: string;
  readonly price: bigint;
  readonly quantity: bigint;
}

export class ReferenceBook {
  readonly orders: ReferenceOrder[] = [];
  readonly trades: ReferenceTrade[] = [];
  isHalted = false;
  #seq = 0;
  readonly #metMax: number;

  constructor(metMax: number) {
    this.#metMax = metMax;
  }

  find(id: string): ReferenceOrder | undefined {
    return this.orders.find((order) => order.id === id);
  }

  live(account?: string): ReferenceOrder[] {
    return this.orders.filter(
      (order) =>
        (order.state === "reserving" || order.state === "open") &&
        (account === undefined || order.account === account),
    );
  }

  place(
    order: Omit<
      ReferenceOrder,
      "state" | "seq" | "open" | "filled" | "ended" | "paid" | "reason" | "wantEnd"
    >,
  ): void {
    const fresh = { state: "reserving", seq: 0, open: 0n, filled: 0n, ended: 0n, paid: 0n };
    this.orders.push({ ...order, ...fresh, reason: "", wantEnd: "" });
  }

  grant(id: string, nowMs: number): void {
    const order = this.find(id);
    if (order?.state !== "reserving") return;
    order.open = order.quantity;
    if (order.wantEnd !== "") return this.#leave(order, order.wantEnd);
    if (order.expiresMs <= nowMs) return this.#leave(order, "expired");
    if (this.isHalted) return this.#leave(order, "halted");
    order.state = "open";
    order.seq = ++this.#seq;
    for (let met = 0; order.open > 0n;) {
      const best = this.#bestFor(order);
      if (best === undefined) break;
      if (best.account === order.account) {
        this.#leave(best, "self-trade");
      } else if (met === this.#metMax) {
        return this.#leave(order, "too-long");
      } else {
        met++;
        if (best.expiresMs <= nowMs) this.#leave(best, "expired");
        else this.#trade(order, best);
      }
    }
    if (order.open > 0n && order.isImmediate) this.#leave(order, "not-filled");
  }

  reject(id: string, reason: string): void {
    const order = this.find(id);
    if (order?.state !== "reserving") return;
    Object.assign(order, { state: "rejected", ended: order.quantity, reason });
  }

  end(id: string, reason: string): void {
    const order = this.find(id);
    if (order?.state === "open") this.#leave(order, reason);
    else if (order?.state === "reserving") order.wantEnd ||= reason;
  }

  #bestFor(taker: ReferenceOrder): ReferenceOrder | undefined {
    let best: ReferenceOrder | undefined;
    for (const order of this.orders) {
      if (order.state !== "open" || order.isBuy === taker.isBuy) continue;
      if (taker.isBuy ? order.price > taker.price : order.price < taker.price) continue;
      const isBetter =
        best === undefined ||
        (taker.isBuy ? order.price < best.price : order.price > best.price) ||
        (order.price === best.price && order.seq < best.seq);
      if (isBetter) best = order;
    }
    return best;
  }

  #trade(taker: ReferenceOrder, maker: ReferenceOrder): void {
    const quantity = taker.open < maker.open ? taker.open : maker.open;
    const [buy, sell] = taker.isBuy ? [taker, maker] : [maker, taker];
    this.trades.push({ buy: buy.id, sell: sell.id, price: maker.price, quantity });
    for (const order of [taker, maker]) {
      order.open -= quantity;
      order.filled += quantity;
      order.paid += quantity * maker.price;
      if (order.open === 0n) order.state = "filled";
    }
  }

  #leave(order: ReferenceOrder, reason: string): void {
    order.ended = order.open;
    order.open = 0n;
    order.state = reason === "expired" ? "expired" : "cancelled";
    order.reason = reason;
  }
}
