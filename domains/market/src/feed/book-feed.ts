/**
 * What listeners hear of a book: its changes, conflated to one event in so many milliseconds. The first change after a
 * pause leaves at once, what follows waits.
 *
 * An event is whole from one version to another. Versions that another instance has made are not in it: the next range
 * begins behind them, and a listener notices the hole. Changes that nobody can see, such as an order whose escrow is being
 * asked for, only extend the range.
 */
import { create } from "@bufbuild/protobuf";
import type { TopicPublisher } from "@hexhold/domain";
import { type Trade, TradeSchema } from "@hexhold/gen/hexhold/market/v1/commands_pb";
import {
  BookChangedSchema,
  type LevelNow,
  LevelNowSchema,
} from "@hexhold/gen/hexhold/market/v1/events_pb";
import { bookTopic } from "@hexhold/messaging";
import type { Trade as BookTrade } from "../rules/decision.ts";
import type { Side } from "../rules/order.ts";
import { sideNumbers } from "../store/order-rows.ts";

/** What one commit has done to a book. */
export interface BookChange {
  readonly name: string;
  /** Of the commit before, and of this one. */
  readonly afterVersion: bigint;
  readonly version: bigint;
  /** Levels that may have changed, as they are now. */
  readonly levels: readonly {
    readonly side: Side;
    readonly price: bigint;
    readonly quantity: bigint;
  }[];
  readonly trades: readonly Pick<BookTrade, "price" | "quantity" | "takerSide">[];
  readonly isHalted: boolean;
  /** Matching was stopped, or goes on. */
  readonly isHaltSet: boolean;
  /** World time, Unix milliseconds. */
  readonly atMs: number;
}

export interface BookFeedOptions {
  readonly topics: Pick<TopicPublisher, "toTopic">;
  /** Between two events of a book, in milliseconds. */
  readonly eventMs: number;
}

/** Levels of an event, about 12 bytes each. Beyond it there are none, and the event says: read the book. */
const levelsMax = 400;
const tradesMax = 20;

interface Range {
  /** What listeners have been told of. */
  afterVersion: bigint;
  version: bigint;
  readonly levels: Record<Side, Map<bigint, bigint>>;
  trades: Trade[];
  isHalted: boolean;
  isVisible: boolean;
}

interface Feed {
  range: Range;
  timer: NodeJS.Timeout | undefined;
  sentMs: number;
}

export class BookFeed {
  readonly #options: BookFeedOptions;
  readonly #feeds = new Map<string, Feed>();

  constructor(options: BookFeedOptions) {
    this.#options = options;
  }

  /** Of a commit that was answered. Never throws. */
  changed(change: BookChange): void {
    const { name } = change;
    let feed = this.#feeds.get(name);
    if (feed === undefined) {
      feed = { range: newRange(change.afterVersion), timer: undefined, sentMs: -Infinity };
      this.#feeds.set(name, feed);
    }
    if (feed.range.version !== change.afterVersion) {
      this.#send(name, feed);
      feed.range = newRange(change.afterVersion);
    }
    extend(feed.range, change);
    if (!feed.range.isVisible || feed.timer !== undefined) return;
    const waitMs = feed.sentMs + this.#options.eventMs - performance.now();
    if (waitMs <= 0) this.#send(name, feed);
    else feed.timer = setTimeout(() => this.#send(name, feed), waitMs).unref();
  }

  /** Sends what waits. */
  stop(): void {
    for (const [name, feed] of this.#feeds) this.#send(name, feed);
    this.#feeds.clear();
  }

  #send(name: string, feed: Feed): void {
    clearTimeout(feed.timer);
    feed.timer = undefined;
    const { afterVersion, version, levels, trades, isHalted, isVisible } = feed.range;
    if (!isVisible) return;
    feed.sentMs = performance.now();
    feed.range = newRange(version);
    const isTooMuch = levels.buy.size + levels.sell.size > levelsMax;
    this.#options.topics.toTopic({
      topic: bookTopic(name),
      seq: version,
      schema: BookChangedSchema,
      message: create(BookChangedSchema, {
        book: name,
        version,
        afterVersion: isTooMuch ? version : afterVersion,
        bids: isTooMuch ? [] : messagesOf(levels.buy),
        asks: isTooMuch ? [] : messagesOf(levels.sell),
        trades,
        halted: isHalted,
      }),
    });
  }
}

function newRange(version: bigint): Range {
  return {
    afterVersion: version,
    version,
    levels: { buy: new Map(), sell: new Map() },
    trades: [],
    isHalted: false,
    isVisible: false,
  };
}

function extend(range: Range, change: BookChange): void {
  range.version = change.version;
  range.isHalted = change.isHalted;
  for (const { side, price, quantity } of change.levels) range.levels[side].set(price, quantity);
  const trades = change.trades.map(({ price, quantity, takerSide }) =>
    create(TradeSchema, {
      price,
      quantity,
      takerSide: sideNumbers[takerSide],
      atMs: BigInt(change.atMs),
    }),
  );
  range.trades = [...range.trades, ...trades].slice(-tradesMax);
  range.isVisible ||= change.isHaltSet || change.levels.length > 0 || trades.length > 0;
}

function messagesOf(levels: ReadonlyMap<bigint, bigint>): LevelNow[] {
  return [...levels].map(([price, quantity]) => create(LevelNowSchema, { price, quantity }));
}
