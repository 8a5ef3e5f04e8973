import { gatherWrites } from "@hexhold/messaging";
import { type ChannelModel, connect } from "amqplib";

/** What the baseline does with any error: it has no way back. */
export function endProcess(error: Error): never {
  throw error;
}

/** The baseline uses its wire no worse than the product does. */
export async function connectAmqp(url: string): Promise<ChannelModel> {
  const model = await connect(url, { noDelay: true });
  model.on("error", endProcess);
  gatherWrites(model);
  return model;
}
