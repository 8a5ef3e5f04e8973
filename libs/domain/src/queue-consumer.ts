/**
 * Consumes one queue: handled, answered, acked. With one message in hand they are handled in their order; with several,
 * which is for queues that other instances read as well, side by side, and order is by row locks. Messages of a queue in
 * order may be handled together: what has come while one transaction ran is the next.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Bus, type Delivery, encodeAnswers, type Subscription } from "@hexhold/messaging";
import { createBackoff } from "@hexhold/rpc";
import type { Logger } from "@hexhold/telemetry";
import type { BatchHandler } from "./batch-handler.ts";
import type { Incoming, ReadBatch } from "./incoming.ts";

export interface QueueConsumerOptions {
  readonly bus: Bus;
  readonly queue: string;
  /** Messages, or groups of them, that are handled at a time. */
  readonly inHandMax: number;
  /** Messages of a group: handled as one, and acked when all of it is done. Default 1. */
  readonly togetherMax?: number;
  readonly read: ReadBatch;
  readonly handler: BatchHandler;
  readonly logger: Logger;
  /** Seconds from a delivery to its ack. */
  readonly onHandled: (seconds: number) => void;
}

export interface QueueConsumer {
  /** Whether it reads the queue now. */
  readonly isConsuming: boolean;
  /** Finishes what is in hand, within 3 s, and ends; what could not be finished goes back to the queue. */
  stop(): Promise<void>;
}

const stopMsMax = 3_000;
/** A group that holds so many takes no further message: no transaction is much longer than that of one full message. */
const groupItemsMax = 256;

interface Group {
  readonly deliveries: Delivery[];
  readonly items: Incoming[];
  /** By the bytes of an item, which stay the same object whatever becomes of it. */
  readonly deliveryOf: Map<Uint8Array, Delivery>;
}

/** Begins to consume, and begins again whenever the channel or the connection is lost, until `stop`. */
export function consumeQueue(options: QueueConsumerOptions): QueueConsumer {
  const { bus, queue, inHandMax, togetherMax = 1, read, handler, logger } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  /** Gives up waiting for a store that is away. */
  const abandoning = new AbortController();
  // After a lost channel the next deliveries may come while the last ones are still being handled: they wait their turn.
  const waiting: Delivery[] = [];
  const inHand = new Set<Promise<void>>();
  let isConsuming = false;
  let subscription: Subscription | undefined;

  /** The next message, and those behind it that may go with it; undefined: none waits. */
  function nextGroup(): Group | undefined {
    const group: Group = { deliveries: [], items: [], deliveryOf: new Map() };
    while (group.deliveries.length < togetherMax && group.items.length < groupItemsMax) {
      const delivery = waiting.shift();
      if (delivery === undefined) break;
      group.deliveries.push(delivery);
      for (const item of read(delivery.body, delivery.publisher)) {
        group.items.push(item);
        group.deliveryOf.set(item.bytes, delivery);
      }
    }
    return group.deliveries.length === 0 ? undefined : group;
  }

  async function take({ deliveries, items, deliveryOf }: Group): Promise<void> {
    if (signal.aborted) return;
    const startedMs = performance.now();
    const applied = await handler.handle(queue, items, abandoning.signal);
    if (applied === undefined) return;
    const answers = new Map(deliveries.map((delivery) => [delivery, [] as Uint8Array[]]));
    for (const { item, answer } of applied) {
      const delivery = deliveryOf.get(item.bytes);
      if (answer !== undefined && delivery !== undefined) answers.get(delivery)?.push(answer);
    }
    const seconds = (performance.now() - startedMs) / 1000;
    for (const [delivery, own] of answers) {
      if (delivery.replyTo !== undefined && own.length > 0) {
        bus.reply(delivery.replyTo, { type: "answers.v1", body: encodeAnswers(own) });
      }
      delivery.ack();
      options.onHandled(seconds);
    }
  }

  function deliver(delivery: Delivery): void {
    waiting.push(delivery);
    handleNext();
  }

  function handleNext(): void {
    while (inHand.size < inHandMax) {
      const group = nextGroup();
      if (group === undefined) return;
      const handling = take(group)
        .catch((error: unknown) => {
          logger.error(
            { err: error, slot: queue },
            "a message could not be handled: it comes again",
          );
          // Those behind it come again behind it, not before.
          waiting.length = 0;
          void subscription?.close();
        })
        .finally(() => {
          inHand.delete(handling);
          handleNext();
        });
      inHand.add(handling);
    }
  }

  async function allHandled(): Promise<void> {
    while (inHand.size > 0) await Promise.all(inHand);
  }

  async function run(): Promise<void> {
    const backoff = createBackoff(100, 3_000);
    while (!signal.aborted) {
      try {
        const prefetch = inHandMax * togetherMax;
        subscription = await bus.consume(queue, { prefetch, onDelivery: deliver });
        isConsuming = true;
        backoff.reset();
        const closing = Promise.withResolvers<void>();
        const close = (): void => closing.resolve();
        signal.addEventListener("abort", close, { once: true });
        if (signal.aborted) close();
        const reason = await Promise.race([subscription.closed, closing.promise]);
        signal.removeEventListener("abort", close);
        isConsuming = false;
        // They come again, on the next channel.
        waiting.length = 0;
        if (signal.aborted) {
          await finish();
          await subscription.close();
        } else {
          logger.info({ reason, slot: queue }, "the consumer of a queue has ended");
        }
      } catch (error) {
        logger.debug({ err: error, slot: queue }, "a queue cannot be read now");
      }
      await backoff.wait(signal);
    }
  }

  /** Its ack must go before the channel is closed. */
  async function finish(): Promise<void> {
    await Promise.race([allHandled(), sleep(stopMsMax, undefined, { ref: false })]);
    abandoning.abort();
    await Promise.race([allHandled(), sleep(stopMsMax, undefined, { ref: false })]);
  }

  const running = run();
  return {
    get isConsuming() {
      return isConsuming;
    },
    async stop() {
      stopping.abort();
      await running;
      await finish();
    },
  };
}
