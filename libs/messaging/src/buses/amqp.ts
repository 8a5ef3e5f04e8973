/**
 * The bus on RabbitMQ. One connection consumes, another publishes: under a memory alarm a connection that
 * publishes is blocked, acks included.
 */
import type { Channel, ChannelModel, ConfirmChannel, ConsumeMessage, Message } from "amqplib";
import {
  type Bus,
  BusError,
  type BusMessage,
  type BusState,
  type ConsumeOptions,
  type Delivery,
  type Inbox,
  type InboxOptions,
  type LooseKind,
  type PublishOutcome,
  type Subscription,
} from "../bus.ts";
import { encodeViews } from "../codec.ts";
import { anyone, type Publisher, publisherOfUser, serviceOfUser } from "../publisher.ts";
import { exchangeOf, producerExchanges, viewExchange, viewsLostTopic } from "../topology.ts";
import { keepConnection } from "./amqp-connection.ts";
import { watchBacklog } from "./channel-backlog.ts";
import { LooseLimit } from "./loose-limit.ts";

export interface AmqpBusOptions {
  readonly url: string;
  /** `service/instance`, goes into `app_id` and the connections' names. */
  readonly appId: string;
  /** Default 5 s. */
  readonly heartbeatS?: number;
  /** Messages that may wait for their confirm; more are `refused`. Default 1,024. */
  readonly unconfirmedMax?: number;
  /**
   * Users whose messages may name any service as their producer; the empty name: messages without a user. Default none.
   * Without effect where the user of `url` is no service's own: then nobody is told apart.
   */
  readonly trustedUsers?: readonly string[];
}

interface Unconfirmed {
  readonly tag: string;
  readonly settle: (outcome: PublishOutcome) => void;
  returned: boolean;
}

/** Opens both connections; the bus is `disconnected` until they stand. */
export function createAmqpBus(options: AmqpBusOptions): Bus {
  return new AmqpBus(options);
}

class AmqpBus implements Bus {
  readonly #options: Required<AmqpBusOptions>;
  readonly #listeners = new Set<(state: BusState) => void>();
  readonly #dropListeners = new Set<(kind: LooseKind) => void>();
  /** A few, unless the broker is held up. */
  readonly #unconfirmed: Unconfirmed[] = [];
  readonly #consuming;
  readonly #publishing;
  /** Of both connections; the broker refuses messages that name another. */
  readonly #user: string;
  readonly #publisherOf: (user: string | undefined) => Publisher;
  #state: BusState = { mode: "disconnected", reason: "not connected yet" };
  #consumeModel: ChannelModel | undefined;
  #publishChannel: ConfirmChannel | undefined;
  #loose: { readonly channel: Channel; readonly waitingBytes: () => number } | undefined;
  readonly #looseLimit = new LooseLimit({
    waitingBytes: () => this.#loose?.waitingBytes(),
    onDrop: (kind) => {
      for (const listener of this.#dropListeners) listener(kind);
    },
    onViewsLost: () =>
      this.publishView([viewsLostTopic], {
        type: "view.v1",
        body: encodeViews({ events: [], marks: [] }),
      }),
  });
  #blockedBy: string | undefined;
  #generation = 0;
  #nextPublish = 0;
  #closed = false;

  constructor(options: AmqpBusOptions) {
    this.#options = { heartbeatS: 5, unconfirmedMax: 1024, trustedUsers: [], ...options };
    this.#user = userOf(options.url);
    const trusted = new Set(this.#options.trustedUsers);
    this.#publisherOf =
      serviceOfUser(this.#user) === undefined
        ? () => anyone
        : (user) => publisherOfUser(user, trusted);
    const shared = {
      url: options.url,
      heartbeatS: this.#options.heartbeatS,
      reconnectDelayMs: { first: 50, max: 1000 },
    };
    this.#consuming = keepConnection({
      ...shared,
      name: `${options.appId}.consume`,
      onUp: async (model) => {
        this.#consumeModel = model;
        this.#refreshState();
        await Promise.resolve();
      },
      onDown: (reason) => {
        this.#consumeModel = undefined;
        this.#refreshState(reason);
      },
      onBlocked: () => undefined,
    });
    this.#publishing = keepConnection({
      ...shared,
      name: `${options.appId}.publish`,
      onUp: async (model) => this.#openPublishing(model),
      onDown: (reason) => {
        this.#publishChannel = undefined;
        this.#loose = undefined;
        this.#blockedBy = undefined;
        this.#failUnconfirmed();
        this.#refreshState(reason);
      },
      onBlocked: (reason) => {
        this.#blockedBy = reason;
        this.#refreshState();
      },
    });
  }

  get state(): BusState {
    return this.#state;
  }

  onState(listener: (state: BusState) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  onDrop(listener: (kind: LooseKind) => void): () => void {
    this.#dropListeners.add(listener);
    return () => void this.#dropListeners.delete(listener);
  }

  connectionNames(): readonly string[] {
    return [this.#consuming.name, this.#publishing.name].filter((name) => name !== undefined);
  }

  publish(queue: string, message: BusMessage): Promise<PublishOutcome> {
    const channel = this.#publishChannel;
    if (channel === undefined || this.#state.mode === "disconnected")
      return Promise.resolve("unsent");
    if (this.#blockedBy !== undefined || this.#unconfirmed.length >= this.#options.unconfirmedMax) {
      return Promise.resolve("refused");
    }
    const tag = String(this.#nextPublish++);
    return new Promise((resolve) => {
      const entry: Unconfirmed = {
        tag,
        returned: false,
        settle: (outcome) => {
          const at = this.#unconfirmed.indexOf(entry);
          if (at === -1) return;
          this.#unconfirmed.splice(at, 1);
          resolve(outcome);
        },
      };
      this.#unconfirmed.push(entry);
      try {
        channel.publish(
          exchangeOf(queue),
          queue,
          buffer(message.body),
          // `correlationId` is ours alone: it finds a returned message's entry.
          {
            ...this.#properties(message),
            persistent: message.transient !== true,
            mandatory: true,
            correlationId: tag,
          },
          (error) => {
            if (error !== null && error !== undefined) entry.settle(this.#nackOutcome());
            else entry.settle(entry.returned ? "unroutable" : "confirmed");
          },
        );
      } catch {
        entry.settle("unsent");
      }
    });
  }

  reply(inbox: string, message: BusMessage): void {
    if (this.#looseLimit.takes("reply")) this.#publishLoose("", inbox, message);
  }

  publishView(routingKeys: readonly string[], message: BusMessage): void {
    const [first, ...others] = routingKeys;
    if (first === undefined || !this.#looseLimit.takes("view")) return;
    this.#publishLoose(viewExchange, first, message, others);
  }

  async consume(queue: string, options: ConsumeOptions): Promise<Subscription> {
    const channel = await this.#openChannel();
    const ended = watchEnd(channel);
    try {
      // Both at once: a channel handles what comes in its order.
      await Promise.all([
        channel.prefetch(options.prefetch),
        channel.consume(
          queue,
          orEnd(channel, ended, (message) =>
            options.onDelivery(deliveryOf(channel, message, this.#publisherOf)),
          ),
        ),
      ]);
    } catch (error) {
      void closeChannel(channel);
      throw new BusError("NO_QUEUE", `cannot consume ${queue}: ${(error as Error).message}`, error);
    }
    return { closed: ended.promise, close: () => closeChannel(channel) };
  }

  async openInbox(options: InboxOptions): Promise<Inbox> {
    const channel = await this.#openChannel();
    const ended = watchEnd(channel);
    try {
      await channel.assertQueue(options.name, {
        exclusive: true,
        autoDelete: true,
        durable: false,
        arguments: { "x-max-length": options.lengthMax, "x-overflow": "drop-head" },
      });
      await channel.consume(
        options.name,
        orEnd(channel, ended, (message) =>
          options.onMessage(deliveryOf(channel, message, this.#publisherOf)),
        ),
        { noAck: true },
      );
    } catch (error) {
      void closeChannel(channel);
      throw new BusError(
        "DISCONNECTED",
        `cannot open ${options.name}: ${(error as Error).message}`,
        error,
      );
    }
    return {
      name: options.name,
      bind: async (routingKey) =>
        void (await channel.bindQueue(options.name, viewExchange, routingKey)),
      unbind: async (routingKey) =>
        void (await channel.unbindQueue(options.name, viewExchange, routingKey)),
      closed: ended.promise,
      close: () => closeChannel(channel),
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#looseLimit.stop();
    await Promise.race([
      this.#publishChannel?.waitForConfirms().catch(() => undefined),
      new Promise((resolve) => setTimeout(resolve, 2000).unref()),
    ]);
    await Promise.all([this.#consuming.close(), this.#publishing.close()]);
    this.#failUnconfirmed();
  }

  async #openPublishing(model: ChannelModel): Promise<void> {
    await assertExchanges(model);
    const confirming = await model.createConfirmChannel();
    endWithChannel(model, confirming);
    const loose = await model.createChannel();
    endWithChannel(model, loose);
    // Before amqplib's own listener, which fails what is unconfirmed as if it had been nacked.
    confirming.prependListener("close", () => {
      if (this.#publishChannel === confirming) this.#publishChannel = undefined;
    });
    confirming.on("return", (message: Message) => {
      const tag = String(message.properties.correlationId);
      const entry = this.#unconfirmed.find((other) => other.tag === tag);
      if (entry !== undefined) entry.returned = true;
    });
    this.#publishChannel = confirming;
    this.#loose = { channel: loose, waitingBytes: watchBacklog(model, loose) };
    this.#refreshState();
  }

  async #openChannel(): Promise<Channel> {
    const model = this.#consumeModel;
    if (model === undefined) throw new BusError("DISCONNECTED", "no connection to the broker");
    try {
      const channel = await model.createChannel();
      // Whoever uses it hears of its end by `watchEnd`.
      channel.on("error", () => undefined);
      return channel;
    } catch (error) {
      throw new BusError(
        "DISCONNECTED",
        `cannot open a channel: ${(error as Error).message}`,
        error,
      );
    }
  }

  #publishLoose(
    exchange: string,
    routingKey: string,
    message: BusMessage,
    otherKeys: readonly string[] = [],
  ): void {
    try {
      this.#loose?.channel.publish(exchange, routingKey, buffer(message.body), {
        ...this.#properties(message),
        persistent: false,
        // RabbitMQ's sender-selected distribution: one message, several routing keys.
        ...(otherKeys.length === 0 ? {} : { CC: [...otherKeys] }),
      });
    } catch {
      // The channel is closing: what goes this way may be lost, and is noticed by its number.
    }
  }

  #properties(message: BusMessage) {
    return {
      contentType: "application/x-protobuf",
      type: message.type,
      appId: this.#options.appId,
      userId: this.#user,
      ...(message.messageId === undefined ? {} : { messageId: message.messageId }),
      ...(message.replyTo === undefined ? {} : { replyTo: message.replyTo }),
    };
  }

  /** A nack is the broker's while its channel lives; amqplib also fails callbacks when the channel is gone. */
  #nackOutcome(): PublishOutcome {
    return this.#publishChannel === undefined ? "unknown" : "refused";
  }

  #failUnconfirmed(): void {
    for (const entry of this.#unconfirmed.slice()) entry.settle("unknown");
  }

  #refreshState(reason = "one of two connections is missing"): void {
    const before = this.#state;
    if (this.#consumeModel === undefined || this.#publishChannel === undefined) {
      this.#state = { mode: "disconnected", reason };
    } else if (this.#blockedBy === undefined) {
      if (before.mode === "disconnected") this.#generation++;
      this.#state = { mode: "connected", generation: this.#generation };
    } else {
      this.#state = { mode: "blocked", generation: this.#generation, reason: this.#blockedBy };
    }
    if (before.mode === "disconnected" && this.#state.mode === "disconnected") return;
    for (const listener of this.#listeners) listener(this.#state);
  }
}

/**
 * Rejects when an exchange that is published to is not there: publishing to it would close the connection each time, with
 * all that waits for its confirm.
 */
async function assertExchanges(model: ChannelModel): Promise<void> {
  const channel = await model.createChannel();
  channel.on("error", () => undefined);
  for (const name of [...producerExchanges, viewExchange]) {
    try {
      await channel.checkExchange(name);
    } catch (error) {
      const text = `exchange ${name} cannot be used: ${(error as Error).message}; run hexctl topology`;
      throw new BusError("NO_EXCHANGE", text, error);
    }
  }
  await closeChannel(channel);
}

/** A channel that breaks takes the connection with it: there is one way back, not two. */
function endWithChannel(model: ChannelModel, channel: Channel): void {
  channel.on("error", () => undefined);
  channel.on("close", () => void model.close().catch(() => undefined));
}

function watchEnd(channel: Channel): PromiseWithResolvers<string> {
  const ended = Promise.withResolvers<string>();
  let failure = "closed";
  channel.on("error", (error: Error) => (failure = error.message));
  channel.on("close", () => ended.resolve(failure));
  return ended;
}

/** Passes messages on. The broker cancels a consumer whose queue is gone by one that is null: its channel ends. */
function orEnd(
  channel: Channel,
  ended: PromiseWithResolvers<string>,
  onMessage: (message: ConsumeMessage) => void,
): (message: ConsumeMessage | null) => void {
  return (message) => {
    if (message !== null) {
      onMessage(message);
      return;
    }
    ended.resolve("cancelled by the broker: the queue is gone");
    void closeChannel(channel);
  };
}

async function closeChannel(channel: Channel): Promise<void> {
  await channel.close().catch(() => undefined);
}

/** Name of the user in an AMQP URL; without one it is the broker's own default. */
function userOf(url: string): string {
  return decodeURIComponent(new URL(url).username) || "guest";
}

function deliveryOf(
  channel: Channel,
  message: ConsumeMessage,
  publisherOf: (user: string | undefined) => Publisher,
): Delivery {
  const { properties } = message;
  return {
    type: String(properties.type ?? ""),
    body: message.content,
    messageId: properties.messageId as string | undefined,
    replyTo: properties.replyTo as string | undefined,
    redelivered: message.fields.redelivered,
    publisher: publisherOf(properties.userId as string | undefined),
    ack: () => {
      try {
        channel.ack(message);
      } catch {
        // The channel is gone, and the delivery with it: the broker gives it to the next owner.
      }
    },
  };
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
