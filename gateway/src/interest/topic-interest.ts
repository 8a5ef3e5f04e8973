/**
 * Who listens to which topic: `market/<book>` and the like, and `player/<account>`, which each session hears of its own
 * account and of no other: a bucket of the broker holds many accounts, and what nobody here listens to is dropped.
 *
 * A listener is *waiting* until the topic is bound; then it gets a mark, and is *live*: it gets every event, or a notice
 * that it has missed some. What a topic is about is never read here: a listener reads it after a mark, and after a notice.
 */
import { Notice_Kind } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import type { TopicBatch, TopicEvent } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import {
  accountOfTopic,
  decodeEnvelope,
  decodeTopics,
  type Inbox,
  topicRoutingKey,
} from "@hexhold/messaging";
import type { Logger } from "@hexhold/telemetry";
import { markFrame, serverFrame, topicFrame } from "../frame/server-frame.ts";
import type { GatewayMetrics } from "../gateway-metrics.ts";
import type { Observer } from "./interest.ts";
import { RegionBindings } from "./region-bindings.ts";

export interface TopicInterestOptions {
  /** A reader whose buffer stays full for so long is ended. Default 30 s, as with views. */
  readonly slowMsMax?: number;
  /** How often slow readers are looked at. Default 250 ms. */
  readonly laggardsEveryMs?: number;
  readonly logger: Logger;
  readonly metrics: GatewayMetrics;
}

interface HeardTopic {
  /** As clients call it. */
  readonly name: string;
  readonly routingKey: string;
  readonly waiting: Set<Observer>;
  readonly live: Set<Observer>;
  /** The highest number that has come; 0 = none, or not numbered. */
  seq: bigint;
}

/** A slow reader, since when, and the topics of which it has missed something. */
interface Laggard {
  readonly sinceMs: number;
  readonly missed: Set<HeardTopic>;
}

/** What is for the player alone, as clients call it. */
export const ownTopic = "player";
const slowMsMaxDefault = 30_000;
const laggardsEveryMsDefault = 250;
/** Pause after the broker has not bound a topic. */
const retryMs = 1_000;

export class TopicInterest {
  readonly #options: TopicInterestOptions;
  readonly #topics = new Map<string, HeardTopic>();
  readonly #lagging = new Map<Observer, Laggard>();
  readonly #bindings: RegionBindings;
  readonly #timer: NodeJS.Timeout;
  #isConnected = false;

  constructor(options: TopicInterestOptions) {
    this.#options = options;
    this.#bindings = new RegionBindings({
      onChange: (bound) => options.metrics.topicBindings.set(bound),
    });
    const { laggardsEveryMs = laggardsEveryMsDefault } = options;
    this.#timer = setInterval(() => this.#retryLaggards(), laggardsEveryMs);
    this.#timer.unref();
  }

  /** A view queue on a new connection: binds every topic again, and tells everybody that something may be missing. */
  async connect(inbox: Inbox): Promise<void> {
    this.#isConnected = true;
    await this.#bindings.connect(inbox);
    this.lost("reconnect");
    for (const topic of this.#topics.values()) this.#markWaiting(topic);
  }

  disconnect(): void {
    this.#isConnected = false;
    this.#bindings.disconnect();
  }

  /** `text`: a topic that has a routing key. Who listens already gets a mark again. */
  listen(observer: Observer, text: string): void {
    const topic = this.#topics.get(text) ?? this.#begin(text);
    if (!topic.live.has(observer) && !topic.waiting.has(observer)) {
      this.#bindings.watch(topic.routingKey);
    }
    topic.live.delete(observer);
    topic.waiting.add(observer);
    this.#bind(topic);
  }

  leave(observer: Observer, text: string): void {
    const topic = this.#topics.get(text);
    if (topic === undefined) return;
    // Both sides: it is in one of them at most.
    if (!topic.live.delete(observer) && !topic.waiting.delete(observer)) return;
    this.#lagging.get(observer)?.missed.delete(topic);
    this.#bindings.unwatch(topic.routingKey);
    if (topic.live.size + topic.waiting.size === 0) this.#topics.delete(text);
  }

  /** A message with topics of the view queue. */
  onTopics(body: Uint8Array): void {
    let batch: TopicBatch;
    try {
      batch = decodeTopics(body);
    } catch (error) {
      this.#options.logger.error({ err: error }, "a message with topics cannot be read");
      return;
    }
    for (const event of batch.events) {
      const topic = this.#topics.get(event.topic);
      if (topic !== undefined) this.#onEvent(topic, event);
    }
    for (const { topic: text, seq } of batch.marks) {
      const topic = this.#topics.get(text);
      // A mark that says nothing new is nobody's concern: the event was sent, or its loss was told.
      if (topic === undefined || seq <= topic.seq) continue;
      topic.seq = seq;
      this.#options.metrics.topicResyncs.inc({ cause: "mark" });
      this.#send(topic, markFrame(topic.name, seq));
    }
  }

  /** Something was lost, nobody knows what: who listens must read. */
  lost(cause: "lost" | "reconnect"): void {
    for (const topic of this.#topics.values()) {
      for (const observer of topic.live) this.#missed(observer, topic);
      if (topic.live.size > 0) this.#options.metrics.topicResyncs.inc({ cause });
    }
    this.#retryLaggards();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#bindings.stop();
  }

  #begin(text: string): HeardTopic {
    const topic: HeardTopic = {
      name: accountOfTopic(text) === undefined ? text : ownTopic,
      routingKey: topicRoutingKey(text),
      waiting: new Set(),
      live: new Set(),
      seq: 0n,
    };
    this.#topics.set(text, topic);
    return topic;
  }

  /** Whoever waits gets its mark when events are on their way. */
  #bind(topic: HeardTopic): void {
    if (!this.#isConnected) return;
    const bound = this.#bindings.whenBound(topic.routingKey);
    if (bound === undefined) {
      this.#markWaiting(topic);
      return;
    }
    bound.then(
      () => this.#markWaiting(topic),
      () => {
        if (topic.waiting.size > 0) setTimeout(() => this.#bindAgain(topic), retryMs).unref();
      },
    );
  }

  #bindAgain(topic: HeardTopic): void {
    if (topic.waiting.size > 0) this.#bind(topic);
  }

  #markWaiting(topic: HeardTopic): void {
    const frame = markFrame(topic.name, topic.seq);
    for (const observer of topic.waiting) {
      topic.live.add(observer);
      if (!observer.sendView(frame)) this.#missed(observer, topic);
    }
    topic.waiting.clear();
  }

  #onEvent(topic: HeardTopic, event: TopicEvent): void {
    if (event.seq > topic.seq) topic.seq = event.seq;
    if (topic.live.size === 0) return;
    this.#send(topic, topicFrame(topic.name, event.seq, decodeEnvelope(event.event)));
  }

  #send(topic: HeardTopic, frame: Uint8Array): void {
    const { metrics } = this.#options;
    for (const observer of topic.live) {
      // Its notice comes first: it will read what this is about.
      if (this.#lagging.get(observer)?.missed.has(topic) === true) continue;
      if (observer.sendView(frame)) {
        metrics.topicEvents.inc();
        continue;
      }
      metrics.topicResyncs.inc({ cause: "slow-reader" });
      this.#missed(observer, topic);
    }
  }

  #missed(observer: Observer, topic: HeardTopic): void {
    const laggard = this.#lagging.get(observer) ?? {
      sinceMs: performance.now(),
      missed: new Set<HeardTopic>(),
    };
    laggard.missed.add(topic);
    this.#lagging.set(observer, laggard);
  }

  #retryLaggards(): void {
    const { slowMsMax = slowMsMaxDefault } = this.#options;
    const nowMs = performance.now();
    for (const [observer, { missed, sinceMs }] of this.#lagging) {
      const topics = [...missed].map(({ name }) => name);
      if (!observer.closed && topics.length > 0) {
        const notice = serverFrame({
          case: "notice",
          value: { kind: Notice_Kind.RESYNC, topics },
        });
        if (!observer.sendView(notice)) {
          if (nowMs - sinceMs > slowMsMax) observer.tooSlow();
          continue;
        }
      }
      this.#lagging.delete(observer);
    }
  }
}
