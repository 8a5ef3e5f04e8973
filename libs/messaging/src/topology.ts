/** Exchanges and queues of a world, as data. `hexctl topology` declares them; services never do. */
import { slotOfPartition } from "@hexhold/hex";
import { Queues } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { domainQueueOf, queuesOfService, services } from "./services.ts";

/** Of slots: partitions, and hexes with a queue of their own. */
export const commandExchange = "cmd.direct";
export const viewExchange = "view.topic";
export const deadLetterExchange = "cmd.dlx";
export const deadLetterQueue = "cmd.dlq";
/** Of the accounts service: commands without secrets. */
export const accountsQueue = domainQueueOf("accounts", "");
/** Register, login and refresh alone: what passes here never reaches a disk or a dead letter. */
export const accountsAuthQueue = "cmd.accounts.auth";
/** Holds one message, by which a router knows whose the broker's queues are, and from which moment. */
export const brokerMarkQueue = "world.mark";
/** Routing key of `view.topic` for what the accounts service announces to gateways. */
export const accountsTopic = "accounts";

/** Routing key of `view.topic` under which any producer says that it has lost views: an empty batch. */
export const viewsLostTopic = "views-lost";

/** A durable queue with its arguments. */
export interface QueueSpec {
  readonly name: string;
  /** Exchanges that it is bound to, by its name as the routing key. Producers of this release publish to the first. */
  readonly exchanges: readonly string[];
  readonly arguments: Readonly<Record<string, string | number | boolean>>;
}

/** Messages that a command queue holds before it refuses more. */
export const commandQueueLengthMax = 50_000;

/** Arguments of a queue that one consumer at a time reads in order. */
const orderedQueue = {
  "x-queue-type": "quorum",
  "x-single-active-consumer": true,
  // Each closed channel counts one, clean or not: 20 dead-letters good batches after a few restarts.
  "x-delivery-limit": 1000,
  "x-dead-letter-exchange": deadLetterExchange,
  "x-dead-letter-strategy": "at-least-once",
  "x-overflow": "reject-publish",
  "x-max-length": commandQueueLengthMax,
} as const;

/**
 * Arguments of a queue for messages with secrets: they wait in the broker's memory, for as long as a caller does,
 * and no dead letter is made of them. So few that a classic queue pages none of them out.
 */
const secretQueue = {
  "x-queue-type": "classic",
  "x-message-ttl": 5000,
  "x-overflow": "reject-publish",
  "x-max-length": 1000,
} as const;

/** Queue of a slot: `cmd.p{N}` or `cmd.hex.{key}`. */
export function slotQueue(slot: string): QueueSpec {
  return { name: slot, exchanges: [commandExchange], arguments: orderedQueue };
}

/**
 * Exchanges of a service's queues. Producers of 0.2.0 publish to all queues over `cmd.direct`, and run beside those of
 * 0.3.0 while a cluster is upgraded (or put back): 0.4.0 unbinds services from it.
 */
function exchangesOfService(name: string): readonly string[] {
  return [`in.${name}`, commandExchange];
}

/** Every durable queue of a world with `partitions` partitions. */
export function queuesOf(partitions: number): readonly QueueSpec[] {
  const slots = Array.from({ length: partitions }, (_, n) => slotQueue(slotOfPartition(n)));
  const { "x-single-active-consumer": _single, ...competing } = orderedQueue;
  const ofServices = services.flatMap(({ name, queues }) =>
    queuesOfService(name).map((queue) => ({
      name: queue,
      exchanges: exchangesOfService(name),
      arguments: queues === Queues.COMPETING ? competing : orderedQueue,
    })),
  );
  return [
    ...slots,
    ...ofServices,
    {
      name: accountsAuthQueue,
      exchanges: exchangesOfService("accounts"),
      arguments: secretQueue,
    },
    // Written over the default exchange. A mark is read once or twice before the next one takes its place: no limit of deliveries is near.
    {
      name: brokerMarkQueue,
      exchanges: [],
      arguments: {
        "x-queue-type": "quorum",
        "x-delivery-limit": 1000,
        "x-max-length": 1,
        "x-overflow": "drop-head",
      },
    },
    {
      name: deadLetterQueue,
      exchanges: [deadLetterExchange],
      arguments: { "x-queue-type": "quorum" },
    },
  ];
}

const exchangeByServiceQueue: ReadonlyMap<string, string> = new Map(
  queuesOf(0).flatMap(({ name, exchanges: [first] }) =>
    first?.startsWith("in.") ? [[name, first] as const] : [],
  ),
);

/** Direct exchanges that producers publish to: one for each service with queues, and that of slots. */
export const producerExchanges: readonly string[] = [
  ...new Set([commandExchange, ...exchangeByServiceQueue.values()]),
];

/**
 * Exchange by which `queue` is reached. A queue that the contracts do not name is looked for among the slots: whether it
 * is there, the broker says, while an exchange that is not there would cost the connection.
 */
export function exchangeOf(queue: string): string {
  return exchangeByServiceQueue.get(queue) ?? commandExchange;
}
