/** A book in memory: every order that is live, those that rest in the order in which they are met. */
import type { Decision } from "../rules/decision.ts";
import { isLive, type Order, type Side } from "../rules/order.ts";
import { Ladder, type Place } from "./ladder.ts";

interface Entry {
  readonly order: Order;
  /** Undefined: its escrow is being asked for. */
  readonly place: Place | undefined;
}

export class OrderBook {
  readonly #live = new Map<string, Entry>();
  readonly #countOf = new Map<string, number>();
  readonly #sides: Readonly<Record<Side, Ladder>> = {
    buy: new Ladder("buy"),
    sell: new Ladder("sell"),
  };
  /** Of the order that was granted last. */
  seq: bigint;
  isHalted: boolean;

  constructor(seq = 0n, isHalted = false, live: Iterable<Order> = []) {
    this.seq = seq;
    this.isHalted = isHalted;
    for (const order of live) this.#put(order);
  }

  /** Live orders. */
  get size(): number {
    return this.#live.size;
  }

  /** Undefined: it is not live here. */
  live(id: string): Order | undefined {
    return this.#live.get(id)?.order;
  }

  /** Live orders of an account. */
  countOf(account: string): number {
    return this.#countOf.get(account) ?? 0;
  }

  /** Live orders of an account, as they were placed. */
  ordersOf(account: string): Order[] {
    if (!this.#countOf.has(account)) return [];
    return [...this.orders()].filter((order) => order.account === account);
  }

  *orders(): Generator<Order, void, undefined> {
    for (const { order } of this.#live.values()) yield order;
  }

  /** What rests, the best price first, and of a price the oldest. */
  resting(side: Side): Generator<Order, void, undefined> {
    return this.#sides[side].bestFirst();
  }

  /** Units that rest at a price. */
  quantityAt(side: Side, price: bigint): bigint {
    return this.#sides[side].quantityAt(price);
  }

  /** Takes a decision over. */
  apply({ orders, seq }: Pick<Decision, "orders" | "seq">): void {
    this.seq = seq;
    for (const order of orders) this.#put(order);
  }

  #put(order: Order): void {
    const known = this.#live.get(order.id);
    if (!isLive(order)) {
      if (known !== undefined) this.#remove(known);
      return;
    }
    if (known === undefined) this.#countOf.set(order.account, this.countOf(order.account) + 1);
    if (known?.place !== undefined) {
      this.#sides[order.side].replace(known.place, order);
      this.#live.set(order.id, { order, place: known.place });
    } else {
      const place = order.state === "open" ? this.#sides[order.side].add(order) : undefined;
      this.#live.set(order.id, { order, place });
    }
  }

  #remove({ order, place }: Entry): void {
    this.#live.delete(order.id);
    const count = this.countOf(order.account) - 1;
    if (count === 0) this.#countOf.delete(order.account);
    else this.#countOf.set(order.account, count);
    if (place !== undefined) this.#sides[order.side].remove(place);
  }
}
