/**
 * The bus inside one process. Its confirm means *handled*: the memory does not outlive the process, so a
 * producer may believe in a message only when its consumer has acked it.
 */
import {
  type Bus,
  BusError,
  type BusMessage,
  type BusState,
  type ConsumeOptions,
  type Delivery,
  type Inbox,
  type InboxOptions,
  type PublishOutcome,
  type Subscription,
} from "../bus.ts";
import { anyone } from "../publisher.ts";

interface QueuedMessage {
  readonly message: BusMessage;
  redelivered: boolean;
  readonly settle: (outcome: PublishOutcome) => void;
}

interface Consumer {
  readonly options: ConsumeOptions;
  readonly inHand: Set<QueuedMessage>;
  open: boolean;
}

interface MemoryQueue {
  readonly lengthMax: number;
  ready: QueuedMessage[];
  /** The first is the single active one. */
  consumers: Consumer[];
}

interface MemoryInbox {
  readonly options: InboxOptions;
  readonly patterns: Set<string>;
  waiting: BusMessage[];
  scheduled: boolean;
}

/** What all buses of one process share, as the processes of a cluster share a broker. */
export class MemoryBroker {
  readonly #queues = new Map<string, MemoryQueue>();
  readonly #inboxes = new Map<string, MemoryInbox>();

  /** Declares a durable queue; declaring it again changes nothing. */
  declareQueue(name: string, lengthMax: number): void {
    if (!this.#queues.has(name)) this.#queues.set(name, { lengthMax, ready: [], consumers: [] });
  }

  /** Messages that wait and that are in hand, by queue. */
  depths(): { name: string; ready: number; unacked: number; consumers: number }[] {
    return [...this.#queues].map(([name, queue]) => ({
      name,
      ready: queue.ready.length,
      unacked: queue.consumers.reduce((sum, consumer) => sum + consumer.inHand.size, 0),
      consumers: queue.consumers.length,
    }));
  }

  publish(name: string, message: BusMessage): Promise<PublishOutcome> {
    const queue = this.#queues.get(name);
    if (queue === undefined) return Promise.resolve("unroutable");
    if (queue.ready.length >= queue.lengthMax) return Promise.resolve("refused");
    return new Promise((resolve) => {
      queue.ready.push({ message, redelivered: false, settle: resolve });
      this.#pump(queue);
    });
  }

  subscribe(name: string, options: ConsumeOptions): { consumer: Consumer; end: () => void } {
    const queue = this.#queues.get(name);
    if (queue === undefined) {
      throw new BusError("NO_QUEUE", `queue ${name} is not declared; run hexctl topology`);
    }
    const consumer: Consumer = { options, inHand: new Set(), open: true };
    queue.consumers.push(consumer);
    this.#pump(queue);
    const end = (): void => {
      if (!consumer.open) return;
      consumer.open = false;
      queue.consumers = queue.consumers.filter((other) => other !== consumer);
      // What was in hand goes back to the head, in its order.
      for (const queued of consumer.inHand) queued.redelivered = true;
      queue.ready = [...consumer.inHand, ...queue.ready];
      consumer.inHand.clear();
      this.#pump(queue);
    };
    return { consumer, end };
  }

  addInbox(options: InboxOptions): MemoryInbox {
    const inbox: MemoryInbox = { options, patterns: new Set(), waiting: [], scheduled: false };
    this.#inboxes.set(options.name, inbox);
    return inbox;
  }

  removeInbox(name: string): void {
    this.#inboxes.delete(name);
  }

  reply(name: string, message: BusMessage): void {
    const inbox = this.#inboxes.get(name);
    if (inbox !== undefined) put(inbox, message);
  }

  publishView(routingKeys: readonly string[], message: BusMessage): void {
    for (const inbox of this.#inboxes.values()) {
      if (routingKeys.some((key) => inbox.patterns.has(key))) put(inbox, message);
    }
  }

  #pump(queue: MemoryQueue): void {
    const consumer = queue.consumers[0];
    while (
      consumer !== undefined &&
      consumer.open &&
      queue.ready.length > 0 &&
      consumer.inHand.size < consumer.options.prefetch
    ) {
      const queued = queue.ready.shift()!;
      consumer.inHand.add(queued);
      const delivery = deliveryOf(queued, () => {
        if (!consumer.open || !consumer.inHand.delete(queued)) return;
        queued.settle("confirmed");
        this.#pump(queue);
      });
      setImmediate(() => {
        if (consumer.open) consumer.options.onDelivery(delivery);
      });
    }
  }
}

function put(inbox: MemoryInbox, message: BusMessage): void {
  inbox.waiting.push(message);
  if (inbox.waiting.length > inbox.options.lengthMax) inbox.waiting.shift();
  if (inbox.scheduled) return;
  inbox.scheduled = true;
  setImmediate(() => {
    inbox.scheduled = false;
    const messages = inbox.waiting;
    inbox.waiting = [];
    for (const item of messages) {
      inbox.options.onMessage({
        type: item.type,
        body: item.body,
        messageId: item.messageId,
        replyTo: item.replyTo,
        redelivered: false,
        publisher: anyone,
      });
    }
  });
}

function deliveryOf(queued: QueuedMessage, ack: () => void): Delivery {
  const { message } = queued;
  return {
    type: message.type,
    body: message.body,
    messageId: message.messageId,
    replyTo: message.replyTo,
    redelivered: queued.redelivered,
    publisher: anyone,
    ack,
  };
}

/** A bus on `broker`, as one service of the process uses it. */
export function createMemoryBus(broker: MemoryBroker): Bus {
  let state: BusState = { mode: "connected", generation: 1 };
  const listeners = new Set<(state: BusState) => void>();
  const ends = new Set<(reason: string) => void>();
  const pending = new Set<(outcome: PublishOutcome) => void>();
  const assertOpen = (): void => {
    if (state.mode === "disconnected")
      throw new BusError("CLOSED", `the bus is closed: ${state.reason}`);
  };
  return {
    get state() {
      return state;
    },
    onState(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    connectionNames: () => [],
    publish(queue, message) {
      if (state.mode === "disconnected") return Promise.resolve("unsent");
      return new Promise((resolve) => {
        const settle = (outcome: PublishOutcome): void => {
          pending.delete(settle);
          resolve(outcome);
        };
        pending.add(settle);
        void broker.publish(queue, message).then(settle);
      });
    },
    // Nothing waits on the way.
    onDrop: () => () => undefined,
    reply: (inbox, message) => broker.reply(inbox, message),
    publishView: (routingKeys, message) => broker.publishView(routingKeys, message),
    // eslint-disable-next-line typescript/require-await -- rejects where the AMQP adapter rejects
    async consume(queue, options): Promise<Subscription> {
      assertOpen();
      const { end } = broker.subscribe(queue, options);
      const closed = Promise.withResolvers<string>();
      const finish = (reason: string): void => {
        ends.delete(finish);
        end();
        closed.resolve(reason);
      };
      ends.add(finish);
      return {
        closed: closed.promise,
        close() {
          finish("closed by its owner");
          return Promise.resolve();
        },
      };
    },
    // eslint-disable-next-line typescript/require-await -- as above
    async openInbox(options): Promise<Inbox> {
      assertOpen();
      const inbox = broker.addInbox(options);
      const closed = Promise.withResolvers<string>();
      const finish = (reason: string): void => {
        ends.delete(finish);
        broker.removeInbox(options.name);
        closed.resolve(reason);
      };
      ends.add(finish);
      return {
        name: options.name,
        bind: (routingKey) => Promise.resolve(void inbox.patterns.add(routingKey)),
        unbind: (routingKey) => Promise.resolve(void inbox.patterns.delete(routingKey)),
        closed: closed.promise,
        close() {
          finish("closed by its owner");
          return Promise.resolve();
        },
      };
    },
    close() {
      if (state.mode === "disconnected") return Promise.resolve();
      state = { mode: "disconnected", reason: "closed" };
      for (const listener of listeners) listener(state);
      for (const finish of ends) finish("the bus was closed");
      for (const settle of pending) settle("unknown");
      return Promise.resolve();
    },
  };
}
