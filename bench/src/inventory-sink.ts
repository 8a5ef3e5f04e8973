/** Stands at the end of the outbox: consumes every inventory queue and only acks. */
import { connect } from "amqplib";
import { domainQueueCount } from "@hexhold/messaging";

export async function acknowledgeAll(amqpUrl: string): Promise<{ close(): Promise<void> }> {
  const model = await connect(amqpUrl, { noDelay: true });
  model.on("error", () => undefined);
  for (let n = 0; n < domainQueueCount; n++) {
    const channel = await model.createChannel();
    await channel.prefetch(64);
    await channel.consume(`cmd.inventory.${n}`, (message) => {
      if (message !== null) channel.ack(message);
    });
  }
  return { close: () => model.close() };
}
