/** Stands at the end of the outbox: consumes every inventory queue and only acks. */
import { connect } from "amqplib";
import { queuesOfService } from "@hexhold/messaging";

export async function acknowledgeAll(amqpUrl: string): Promise<{ close(): Promise<void> }> {
  const model = await connect(amqpUrl, { noDelay: true });
  model.on("error", () => undefined);
  for (const queue of queuesOfService("inventory")) {
    const channel = await model.createChannel();
    channel.on("error", () => undefined);
    await channel.prefetch(64);
    await channel.consume(queue, (message) => {
      if (message !== null) channel.ack(message);
    });
  }
  return { close: () => model.close() };
}
