/**
 * What one transaction of the market has in memory: the books that it has locked, and what it has decided about them. It owns
 * those books: they are out of the cache from their lock on, and come back when the commit was answered.
 */
import type { DomainMessage, Outbox, OutboxMessage, Transaction, Work } from "@hexhold/domain";
import type { Envelope } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { uuidText } from "@hexhold/messaging";
import type { BookCache, ReloadCause } from "../book/book-cache.ts";
import { OrderBook } from "../book/order-book.ts";
import { type MarketFeed, tellCommit } from "../feed/tell-commit.ts";
import type { MarketMetrics } from "../market-metrics.ts";
import { type BookCommand, type BookLimits, decide, type Decided } from "../rules/decide.ts";
import type { Decision } from "../rules/decision.ts";
import { listingFee, salesTax } from "../rules/money.ts";
import type { Order } from "../rules/order.ts";
import { countCommands, haltBook, loadOrders, lockBooks } from "../store/lock-books.ts";
import { type NewTrade, type StepMessage, storeChanges } from "../store/store-changes.ts";
import { pacedAccountOf, writtenBookOf } from "./messages.ts";
import type { Steps } from "./steps.ts";

/** What orders cost, in thousandths of price times quantity. */
export interface Rates {
  readonly listingFeePerMille: bigint;
  readonly salesTaxPerMille: bigint;
}

export interface MarketWorkOptions {
  readonly cache: BookCache;
  readonly outbox: Outbox;
  readonly feed: MarketFeed;
  readonly steps: Steps;
  readonly rates: Rates;
  readonly limits: BookLimits;
  /** Until the inventory is asked what became of a hold. */
  readonly askMs: number;
  /** World time, Unix milliseconds. */
  readonly worldNow: () => number;
  /** UUIDv7 of a moment, as 16 bytes. */
  readonly newId: (nowMs: number) => Uint8Array;
  readonly metrics: MarketMetrics;
}

/** A book that this transaction has locked. */
interface HeldBook {
  readonly book: OrderBook;
  /** Of its row, when it was locked, and in this transaction. */
  readonly lockedVersion: bigint;
  version: bigint;
  isChanged: boolean;
  isHaltSet: boolean;
}

interface ChangedHere {
  readonly book: string;
  readonly order: Order;
  readonly releaseId: string | undefined;
}

/**
 * Commands of an account in a second that change something. Counted from the rows that they leave, and in this transaction: no
 * lock of its own, at the price that transactions of several books that run at the same moment do not see one another.
 */
const commandsPerSecond = 5;

export class MarketWork implements Work {
  readonly #options: MarketWorkOptions;
  readonly #held = new Map<string, HeldBook>();
  readonly #placed = new Map<
    string,
    { readonly book: string; readonly fee: bigint; order: Order }
  >();
  readonly #changed = new Map<string, ChangedHere>();
  readonly #trades: NewTrade[] = [];
  readonly #steps: StepMessage[] = [];
  readonly #asks: OutboxMessage[] = [];
  readonly #events: { readonly book: string; readonly event: string }[] = [];
  #commands: Map<string, number> = new Map();
  #nowMs: number;

  constructor(options: MarketWorkOptions) {
    this.#options = options;
    this.#nowMs = Math.floor(options.worldNow());
  }

  /** World time of this transaction, under its locks. */
  get nowMs(): number {
    return this.#nowMs;
  }

  async prepare(transaction: Transaction, messages: readonly DomainMessage[]): Promise<void> {
    const names = new Set(messages.flatMap((message) => writtenBookOf(message) ?? []));
    if (names.size === 0) return;
    await this.lock(transaction, [...names]);
    const accounts = new Set(messages.flatMap((message) => pacedAccountOf(message) ?? []));
    if (accounts.size === 0) return;
    this.#commands = await countCommands(
      transaction,
      [...accounts],
      this.#nowMs,
      commandsPerSecond,
    );
  }

  /** Locks books, all that the transaction needs at once, and has each of them as its last commit left it. */
  async lock(transaction: Transaction, names: readonly string[]): Promise<void> {
    const { cache, worldNow } = this.#options;
    const locked = await lockBooks(transaction, names);
    this.#nowMs = Math.floor(worldNow());
    for (const { name, version, seq, isHalted } of locked) {
      const cached = cache.take(name, version);
      const book =
        cached instanceof OrderBook
          ? cached
          : await this.#load(transaction, name, cached, seq, isHalted);
      this.#held.set(name, {
        book,
        lockedVersion: version,
        version,
        isChanged: false,
        isHaltSet: false,
      });
    }
  }

  /** Undefined: there is no such book. */
  book(name: string): Pick<OrderBook, "live"> | undefined {
    return this.#held.get(name)?.book;
  }

  /** An order of a book that this transaction has changed already, as it is now. */
  changed(name: string, id: string): Order | undefined {
    const here = this.#changed.get(id) ?? this.#placed.get(id);
    return here?.book === name ? here.order : undefined;
  }

  /** Whether an account has had its commands of this second. Counts this one. */
  isTooFast(account: string): boolean {
    const before = this.#commands.get(account) ?? 0;
    this.#commands.set(account, before + 1);
    return before >= commandsPerSecond;
  }

  /** Decides a command on a book that is locked. `cause`: the message that it comes from. */
  decide(name: string, command: BookCommand, cause: Envelope | undefined): Decided {
    const held = this.#held.get(name);
    if (held === undefined) throw new TypeError(`book ${name} is not locked`);
    const outcome = decide(held.book, command, this.#options.limits);
    if (outcome.kind === "refused" || outcome.orders.length === 0) return outcome;
    held.book.apply(outcome);
    held.isChanged = true;
    this.#gather(name, outcome, command, cause);
    return outcome;
  }

  /** Stops or resumes matching in a book that is locked. */
  async halt(
    transaction: Transaction,
    name: string,
    isHalted: boolean,
    reason: string,
  ): Promise<void> {
    const held = this.#held.get(name);
    if (held === undefined) throw new TypeError(`book ${name} is not locked`);
    await haltBook(transaction, { name, version: held.version }, isHalted, reason);
    held.version += 1n;
    held.book.isHalted = isHalted;
    held.isHaltSet = true;
  }

  async flush(transaction: Transaction): Promise<void> {
    const { outbox, askMs } = this.#options;
    const books = [...this.#held].filter(([, { isChanged }]) => isChanged);
    if (books.length === 0) return;
    await storeChanges(transaction, {
      books: books.map(([name, { version, book }]) => ({ name, version, seq: book.seq })),
      placed: [...this.#placed.values()],
      changed: [...this.#changed.values()],
      trades: this.#trades,
      steps: this.#steps,
      atMs: this.#nowMs,
      askMs,
    });
    for (const [, held] of books) held.version += 1n;
    outbox.hintAfter(transaction);
    await outbox.send(transaction, this.#asks);
  }

  committed(): void {
    const { cache, feed, metrics } = this.#options;
    // Before the books are back in the cache, where the next transaction finds them.
    tellCommit(feed, {
      books: this.#held,
      orders: [...this.#placed.values(), ...this.#changed.values()],
      trades: this.#trades,
      atMs: this.#nowMs,
    });
    for (const [name, { version, book }] of this.#held) cache.put(name, { version, book });
    for (const labels of this.#events) metrics.orders.inc(labels);
    for (const { book, quantity } of this.#trades) {
      metrics.trades.inc({ book });
      metrics.units.inc({ book }, Number(quantity));
    }
  }

  /** The books that it had taken out of the cache are not put back. */
  rolledBack(): void {
    this.#held.clear();
  }

  async #load(
    transaction: Transaction,
    name: string,
    cause: ReloadCause,
    seq: bigint,
    isHalted: boolean,
  ): Promise<OrderBook> {
    this.#options.metrics.reloads.inc({ cause });
    return new OrderBook(seq, isHalted, await loadOrders(transaction, name));
  }

  #gather(
    name: string,
    decision: Decision,
    command: BookCommand,
    cause: Envelope | undefined,
  ): void {
    const { steps, rates, newId } = this.#options;
    const atMs = this.#nowMs;
    const orders = new Map(decision.orders.map((order) => [order.id, order]));
    for (const order of decision.orders) {
      const placed = this.#placed.get(order.id);
      if (command.kind === "place") {
        const fee = listingFee(order.price, order.quantity, rates.listingFeePerMille);
        this.#placed.set(order.id, { book: name, order, fee });
        this.#steps.push(steps.hold(name, order, fee, atMs, cause));
        this.#events.push({ book: name, event: "placed" });
        continue;
      }
      if (placed !== undefined) placed.order = order;
      else this.#changed.set(order.id, { book: name, order, releaseId: undefined });
      const isNew = order.state !== "open" || (command.kind === "grant" && command.id === order.id);
      if (order.state !== "reserving" && isNew)
        this.#events.push({ book: name, event: order.state });
    }
    for (const trade of decision.trades) {
      const { price, quantity } = trade;
      const tax = salesTax(price, quantity, rates.salesTaxPerMille);
      const taker = orders.get(trade.takerSide === "buy" ? trade.buy : trade.sell)!;
      const kept: NewTrade = { ...trade, id: uuidText(newId(atMs)), book: name, tax };
      this.#trades.push(kept);
      this.#steps.push(steps.settle(kept, taker.account, atMs, cause));
    }
    for (const order of decision.ended) {
      const releaseId = uuidText(newId(atMs));
      this.#changed.set(order.id, { book: name, order, releaseId });
      this.#steps.push(steps.release(releaseId, order, atMs, cause));
    }
    for (const order of decision.marked) {
      this.#asks.push(steps.cancelHold(name, order, atMs, cause));
    }
  }
}
