/**
 * The message bus as gateways, workers and services use it. Adapters: `buses/amqp.ts` (RabbitMQ) and
 * `buses/memory.ts` (one process). `bus-contract.ts` is the suite that both pass.
 */

import type { Publisher } from "./publisher.ts";

/** Bodies of queue messages, named in the AMQP property `type`; docs/formats.md. */
export type BodyType = "batch.v1" | "answers.v1" | "view.v1" | "topic.v1";

/** A message as it is published. */
export interface BusMessage {
  readonly type: BodyType;
  readonly body: Uint8Array;
  /** Text of the first event_id. */
  readonly messageId?: string;
  /** Reply queue of the producer. */
  readonly replyTo?: string;
  /** To a durable queue: true = never written to disk, gone with the broker. Default false. */
  readonly transient?: boolean;
}

/**
 * What became of a published message:
 * - `confirmed`: the broker has it on disk (in one process: it was handled);
 * - `refused`: the queue is full (`reject-publish`);
 * - `unroutable`: no such queue;
 * - `unsent`: never handed to a connection: certainly not executed;
 * - `unknown`: the connection was lost before the confirm.
 */
export type PublishOutcome = "confirmed" | "refused" | "unroutable" | "unsent" | "unknown";

/** A message in hand. */
export interface Delivery {
  readonly type: string;
  readonly body: Uint8Array;
  readonly messageId: string | undefined;
  readonly replyTo: string | undefined;
  /** The broker gave it to somebody before. */
  readonly redelivered: boolean;
  readonly publisher: Publisher;
  /** Makes the bus forget it. A no-op when its subscription is closed. */
  ack(): void;
}

/** A consumer of a durable queue, on a channel of its own. */
export interface Subscription {
  /** Resolves, once, with why it ended; unacked deliveries go back to the queue in their order. */
  readonly closed: Promise<string>;
  /** Closes the channel: never `basic.cancel`, with which the next consumer overtakes what is in hand. */
  close(): Promise<void>;
}

/** A queue of this connection alone, for replies or view events. Bounded; the oldest are dropped. */
export interface Inbox {
  readonly name: string;
  /** Binds to `view.topic`. */
  bind(routingKey: string): Promise<void>;
  unbind(routingKey: string): Promise<void>;
  readonly closed: Promise<string>;
  close(): Promise<void>;
}

/** What is published without a confirm. */
export type LooseKind = "view" | "reply";

/** State of the bus. `generation` counts connections from 1. */
export type BusState =
  | { readonly mode: "connected"; readonly generation: number }
  | { readonly mode: "disconnected"; readonly reason: string }
  /** The broker reads nothing from publishing connections (memory or disk alarm). */
  | { readonly mode: "blocked"; readonly generation: number; readonly reason: string };

export interface ConsumeOptions {
  /** Unacked messages in hand; 1 keeps the strict order. */
  readonly prefetch: number;
  readonly onDelivery: (delivery: Delivery) => void;
}

export interface InboxOptions {
  readonly name: string;
  /** Messages kept; the oldest are dropped beyond it. */
  readonly lengthMax: number;
  readonly onMessage: (delivery: Omit<Delivery, "ack">) => void;
}

export interface Bus {
  readonly state: BusState;
  /** Calls `listener` at each change of state; returns its removal. */
  onState(listener: (state: BusState) => void): () => void;
  /** Calls `listener` for each reply or message of views that is dropped; returns its removal. */
  onDrop(listener: (kind: LooseKind) => void): () => void;
  /** Names of the connections as the broker lists them; none in one process. */
  connectionNames(): readonly string[];
  /**
   * To a durable queue over the exchange by which it is reached (`exchangeOf`), persistent unless it is `transient`,
   * mandatory, confirmed. Never rejects.
   */
  publish(queue: string, message: BusMessage): Promise<PublishOutcome>;
  /**
   * To a reply queue; transient, unconfirmed. Nothing happens when it is gone. Dropped while 32 MiB wait for a broker
   * that does not read: whoever waits for it repeats the command, and gets the stored answer.
   */
  reply(inbox: string, message: BusMessage): void;
  /**
   * To `view.topic` under each of the keys, once for every queue that is bound to one; transient, unconfirmed. Dropped
   * while 8 MiB wait for a broker that does not read. When it reads again, an empty batch under `views-lost`
   * tells every gateway that views were lost; announcements must be repeated by whoever makes them.
   */
  publishView(routingKeys: readonly string[], message: BusMessage): void;
  /** Rejects with {@link BusError} while disconnected or when the queue is not declared. */
  consume(queue: string, options: ConsumeOptions): Promise<Subscription>;
  /** Rejects with {@link BusError} while disconnected. */
  openInbox(options: InboxOptions): Promise<Inbox>;
  /** Waits at most 2 s for confirms in flight, then closes. Idempotent. */
  close(): Promise<void>;
}

/** An operation of the bus could not be done. */
export class BusError extends Error {
  readonly code: "DISCONNECTED" | "NO_QUEUE" | "NO_EXCHANGE" | "CLOSED";
  constructor(code: BusError["code"], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "BusError";
    this.code = code;
  }
}
