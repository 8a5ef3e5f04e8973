/**
 * Tells players what a commit has done: events to one player or to the listeners of a topic, over `view.topic`. They are
 * hints: unconfirmed, and lost with the process or a broker that does not read. Whoever must not miss one reads state.
 *
 * Called after the commit was answered ({@link Transaction.onCommit}, `Work.committed`) and never before. So it never
 * throws: what cannot be sent is logged, and the commit stays what it is.
 */
import { type DescFile, type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { Audience } from "@hexhold/gen/hexhold/options/v1/options_pb";
import {
  type Bus,
  createMessageRegistry,
  encodeEnvelope,
  encodeTopics,
  playerTopic,
  type TopicEventFields,
  type TopicPlace,
  topicRoutingKey,
  uuidv7Bytes,
} from "@hexhold/messaging";
import type { Logger, Metrics } from "@hexhold/telemetry";
import type { ProducerIdentity } from "../dead-letter.ts";
import { createTopicMetrics } from "./topic-metrics.ts";

export interface PlayerEvent {
  /** UUID as text. */
  readonly account: string;
  /** Its contract names `AUDIENCE_PLAYER`. */
  readonly schema: DescMessage;
  readonly message: Message;
}

export interface TopicEvent extends TopicPlace {
  /** Its contract names `AUDIENCE_TOPIC`. */
  readonly schema: DescMessage;
  readonly message: Message;
}

export interface TopicPublisher {
  /** Sends an event to the player of an account, when the caller's turn of the event loop is over. Not numbered. */
  toPlayer(event: PlayerEvent): void;
  /** As `toPlayer`, to all who listen. Events of a topic leave in the order of the calls. */
  toTopic(event: TopicEvent): void;
  /** Sends what is gathered, and ends the marks. Idempotent. */
  stop(): void;
}

export interface TopicPublisherOptions {
  readonly bus: Pick<Bus, "publishView">;
  readonly producer: ProducerIdentity;
  /** Files of the events. */
  readonly descriptors: readonly DescFile[];
  /** World time, Unix milliseconds. */
  readonly worldNow: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Events in one message. */
const eventsMax = 256;
/** A topic is marked so often, for so long after its last event: who lost that one has at least four marks to notice. */
const marksEveryMs = 2_000;
const markedForMs = 10_000;

export function createTopicPublisher(options: TopicPublisherOptions): TopicPublisher {
  const { bus, producer, worldNow, logger } = options;
  const registry = createMessageRegistry(options.descriptors);
  const { service } = producer;
  const { events: sent } = createTopicMetrics(options.metrics);
  /** Gathered in this turn, by routing key. */
  let turn = new Map<string, TopicEventFields[]>();
  let flushing: NodeJS.Immediate | undefined;
  /** Numbered topics with a late event: the highest number that was sent, and when. */
  const marked = new Map<string, { readonly seq: bigint; readonly sentMs: number }>();

  function publish(
    routingKey: string,
    events: readonly TopicEventFields[],
    marks: readonly TopicPlace[],
  ): void {
    bus.publishView([routingKey], { type: "topic.v1", body: encodeTopics({ events, marks }) });
  }

  function flush(): void {
    clearImmediate(flushing);
    flushing = undefined;
    const gathered = turn;
    turn = new Map();
    for (const [routingKey, events] of gathered) {
      for (let from = 0; from < events.length; from += eventsMax) {
        publish(routingKey, events.slice(from, from + eventsMax), []);
      }
    }
  }

  function gather(place: TopicPlace, schema: DescMessage, message: Message, of: Audience): void {
    const { type, messageVersion, audiences } = registry.bySchema(schema);
    if (!audiences.has(of)) throw new TypeError(`${type} is for another audience`);
    const nowMs = Math.floor(worldNow());
    const eventId = uuidv7Bytes(nowMs);
    const event = encodeEnvelope({
      type,
      messageVersion,
      eventId,
      correlationId: eventId,
      producer,
      tsMs: nowMs,
      payload: toBinary(schema, message),
    });
    const routingKey = topicRoutingKey(place.topic);
    const gathered = turn.get(routingKey);
    if (gathered === undefined) turn.set(routingKey, [{ ...place, event }]);
    else gathered.push({ ...place, event });
    flushing ??= setImmediate(flush);
    sent.inc({ service, audience: of === Audience.PLAYER ? "player" : "topic" });
  }

  function orLog(topic: string, send: () => void): void {
    try {
      send();
    } catch (error) {
      logger.error({ err: error, topic }, "an event for players cannot be sent");
    }
  }

  function mark(): void {
    const nowMs = performance.now();
    const marks = new Map<string, TopicPlace[]>();
    for (const [topic, { seq, sentMs }] of marked) {
      if (nowMs - sentMs > markedForMs) {
        marked.delete(topic);
        continue;
      }
      const routingKey = topicRoutingKey(topic);
      marks.set(routingKey, [...(marks.get(routingKey) ?? []), { topic, seq }]);
    }
    for (const [routingKey, places] of marks) publish(routingKey, [], places);
  }

  const marking = setInterval(mark, marksEveryMs);
  marking.unref();
  return {
    toPlayer({ account, schema, message }) {
      const topic = playerTopic(account);
      orLog(topic, () => gather({ topic, seq: 0n }, schema, message, Audience.PLAYER));
    },
    toTopic({ topic, seq, schema, message }) {
      orLog(topic, () => {
        gather({ topic, seq }, schema, message, Audience.TOPIC);
        const before = marked.get(topic)?.seq ?? 0n;
        if (seq === 0n) return;
        marked.set(topic, { seq: seq > before ? seq : before, sentMs: performance.now() });
      });
    },
    stop() {
      clearInterval(marking);
      flush();
    },
  };
}
