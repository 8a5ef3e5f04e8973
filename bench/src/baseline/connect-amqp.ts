import { gatherWrites } from "@hexhold/messaging";
import { type ChannelModel, connect } from "amqplib";

/** The baseline uses its wire no worse than the product does. */
export async function connectAmqp(url: string): Promise<ChannelModel> {
  const model = await connect(url, { noDelay: true });
  gatherWrites(model);
  return model;
}
