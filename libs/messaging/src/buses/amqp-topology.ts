import { connect } from "amqplib";
import { deadLetterExchange, producerExchanges, queuesOf, viewExchange } from "../topology.ts";

/**
 * Declares every exchange and durable queue of a world with `partitions` partitions; what is there
 * already stays. Throws when something is there with other arguments. Returns the names of the queues.
 */
export async function declareTopology(url: string, partitions: number): Promise<string[]> {
  const model = await connect(url, { noDelay: true, timeout: 10_000 });
  const failure = Promise.withResolvers<never>();
  model.on("error", failure.reject);
  failure.promise.catch(() => undefined);
  try {
    const channel = await model.createChannel();
    channel.on("error", failure.reject);
    const declare = async (): Promise<string[]> => {
      for (const exchange of producerExchanges) {
        await channel.assertExchange(exchange, "direct", { durable: true });
      }
      await channel.assertExchange(viewExchange, "topic", { durable: true });
      // A letter keeps the routing key of its queue, and there is one queue for all of them.
      await channel.assertExchange(deadLetterExchange, "fanout", { durable: true });
      const queues = queuesOf(partitions);
      for (const queue of queues) {
        await channel.assertQueue(queue.name, { durable: true, arguments: { ...queue.arguments } });
        for (const exchange of queue.exchanges) {
          await channel.bindQueue(queue.name, exchange, queue.name);
        }
      }
      return queues.map((queue) => queue.name);
    };
    return await Promise.race([declare(), failure.promise]);
  } finally {
    await model.close().catch(() => undefined);
  }
}
