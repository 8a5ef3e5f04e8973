/**
 * The resting orders of one side of a book by price, then by time. Prices are a sorted array with the best at its end, orders
 * of a price a linked list: an order is added, replaced and removed without a look at its neighbours, however many rest. Ticks
 * bound the array: three significant digits up to 10⁹ are 6,400 prices.
 */
import type { Order, Side } from "../rules/order.ts";

interface Level {
  readonly price: bigint;
  /** Units of all its orders. */
  quantity: bigint;
  first: Place | undefined;
  last: Place | undefined;
}

/** Where an order rests. */
export interface Place {
  order: Order;
  readonly level: Level;
  before: Place | undefined;
  behind: Place | undefined;
}

export class Ladder {
  readonly #isBetter: (a: bigint, b: bigint) => boolean;
  /** The best at the end. */
  readonly #levels: Level[] = [];
  readonly #byPrice = new Map<bigint, Level>();

  constructor(side: Side) {
    this.#isBetter = side === "buy" ? (a, b) => a > b : (a, b) => a < b;
  }

  /** Behind every order of its price that came before. */
  add(order: Order): Place {
    const level = this.#byPrice.get(order.price) ?? this.#addLevel(order.price);
    let before = level.last;
    while (before !== undefined && before.order.seq > order.seq) before = before.before;
    const behind = before === undefined ? level.first : before.behind;
    const place: Place = { order, level, before, behind };
    level.quantity += order.open;
    if (before === undefined) level.first = place;
    else before.behind = place;
    if (behind === undefined) level.last = place;
    else behind.before = place;
    return place;
  }

  /** Puts another state of an order in its place. */
  replace(place: Place, order: Order): void {
    place.level.quantity += order.open - place.order.open;
    place.order = order;
  }

  remove({ order, level, before, behind }: Place): void {
    level.quantity -= order.open;
    if (before === undefined) level.first = behind;
    else before.behind = behind;
    if (behind === undefined) level.last = before;
    else behind.before = before;
    if (level.first !== undefined) return;
    this.#byPrice.delete(level.price);
    this.#levels.splice(this.#indexOf(level.price), 1);
  }

  /** Units at a price. */
  quantityAt(price: bigint): bigint {
    return this.#byPrice.get(price)?.quantity ?? 0n;
  }

  /** In the order in which they are met. The ladder must not change meanwhile. */
  *bestFirst(): Generator<Order, void, undefined> {
    for (let i = this.#levels.length - 1; i >= 0; i--) {
      for (let place = this.#levels[i]!.first; place !== undefined; place = place.behind) {
        yield place.order;
      }
    }
  }

  #addLevel(price: bigint): Level {
    const level: Level = { price, quantity: 0n, first: undefined, last: undefined };
    this.#byPrice.set(price, level);
    this.#levels.splice(this.#indexOf(price), 0, level);
    return level;
  }

  /** Of the first level that is not worse. */
  #indexOf(price: bigint): number {
    let low = 0;
    let high = this.#levels.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#isBetter(price, this.#levels[middle]!.price)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
