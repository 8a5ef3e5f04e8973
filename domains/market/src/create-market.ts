/** The market as libs/domain runs it: handlers, timers, and the work of a transaction. Everything is made here and nothing begins. */
import type { DueHandler, MessageHandler, Outbox, TopicPublisher } from "@hexhold/domain";
import { createOutbox } from "@hexhold/domain";
import { file_hexhold_inventory_v1_holds } from "@hexhold/gen/hexhold/inventory/v1/holds_pb";
import { file_hexhold_market_v1_commands } from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { file_hexhold_market_v1_steps } from "@hexhold/gen/hexhold/market/v1/steps_pb";
import { uuidv7Bytes } from "@hexhold/messaging";
import type { Logger } from "@hexhold/telemetry";
import { BookCache } from "./book/book-cache.ts";
import { BookFeed } from "./feed/book-feed.ts";
import { clientCommands } from "./handlers/client-commands.ts";
import { endHold } from "./handlers/end-hold.ts";
import { operatorCommands } from "./handlers/operator-commands.ts";
import { reads } from "./handlers/reads.ts";
import type { MarketConfig } from "./market-config.ts";
import type { MarketMetrics } from "./market-metrics.ts";
import { orderTimers } from "./timers/order-timers.ts";
import { MarketWork } from "./work/market-work.ts";
import { createSteps } from "./work/steps.ts";

export interface Market {
  readonly handlers: readonly MessageHandler<MarketWork>[];
  readonly timers: readonly DueHandler<MarketWork>[];
  readonly outbox: Outbox;
  /** What listeners hear of the books. */
  readonly books: BookFeed;
  newWork(): MarketWork;
}

/** What the market handles, and what it sends. */
export const marketDescriptors = [file_hexhold_market_v1_commands, file_hexhold_market_v1_steps];

export interface MarketPorts {
  /** World time, Unix milliseconds. */
  readonly worldNow: () => number;
  readonly logger: Logger;
  readonly metrics: MarketMetrics;
  /** Tells players what was committed. */
  readonly topics: Pick<TopicPublisher, "toPlayer" | "toTopic">;
  /** UUIDv7 of a moment, as 16 bytes, for orders, trades and releases; default: a new one. */
  readonly newId?: (nowMs: number) => Uint8Array;
}

export type MarketRules = Pick<
  MarketConfig,
  | "instance"
  | "version"
  | "listingFeePerMille"
  | "salesTaxPerMille"
  | "ordersPerBookMax"
  | "restingMax"
  | "tradesPerCommandMax"
  | "minAgeHours"
  | "askMs"
  | "bookEventMs"
>;

export function createMarket(rules: MarketRules, ports: MarketPorts): Market {
  const { instance, version, askMs, minAgeHours } = rules;
  const { worldNow, logger, metrics, topics, newId = (nowMs) => uuidv7Bytes(nowMs) } = ports;
  const outbox = createOutbox({
    producer: { service: "market", version, instance },
    descriptors: [file_hexhold_inventory_v1_holds, ...marketDescriptors],
    worldNow,
  });
  const steps = createSteps(outbox);
  const books = new BookFeed({ topics, eventMs: rules.bookEventMs });
  const shared = {
    cache: new BookCache(),
    outbox,
    feed: { topics, books },
    steps,
    rates: {
      listingFeePerMille: BigInt(rules.listingFeePerMille),
      salesTaxPerMille: BigInt(rules.salesTaxPerMille),
    },
    limits: rules,
    askMs,
    worldNow,
    newId,
    metrics,
  };
  return {
    handlers: [
      ...clientCommands({ minAgeHours, newId }),
      endHold,
      ...operatorCommands({ outbox, steps, logger }),
      ...reads,
    ],
    timers: orderTimers({ outbox, steps, askMs }),
    outbox,
    books,
    newWork: () => new MarketWork(shared),
  };
}
