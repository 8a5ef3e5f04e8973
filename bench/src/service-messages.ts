/** Messages as services and gateways publish them, for loads that stand in for one of them. */
import {
  type Bus,
  createAmqpBus,
  encodeBatch,
  encodeEnvelope,
  idempotencyKeyOf,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";

const retryMs = 20;
const triesMax = 3_000;

/** @param appId `service/instance`: the service of the URL's user. Rejects after ten seconds without a broker. */
export async function connectedBus(url: string, appId: string): Promise<Bus> {
  const bus = createAmqpBus({ url, appId });
  for (let tries = 0; bus.state.mode !== "connected"; tries++) {
    if (tries > 200) throw new Error("the broker takes no connection");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return bus;
}

/** A command of `service`; with an account, of its player. */
export function serviceEnvelope(
  service: string,
  type: string,
  payload: Uint8Array,
  subject: string,
  accountId?: Uint8Array,
): Uint8Array {
  const requestId = uuidv7Bytes();
  const target = Buffer.from(subject);
  return encodeEnvelope({
    type,
    messageVersion: 1,
    requestId,
    eventId: requestId,
    producer: { service, version: "1", instance: "bench" },
    tsMs: Date.now(),
    idempotencyKey: idempotencyKeyOf({ accountId, requestId, type, target }),
    payload,
    subject,
    ...(accountId === undefined ? {} : { accountId }),
  });
}

/** Publishes one message until the queue takes it: a full one does when some are handled. */
export async function publishBatch(
  bus: Bus,
  queue: string,
  envelopes: readonly Uint8Array[],
): Promise<void> {
  const message = {
    type: "batch.v1" as const,
    body: encodeBatch({ routeVersion: 0n, envelopes }),
    messageId: uuidText(uuidv7Bytes()),
  };
  for (let tries = 0; tries < triesMax; tries++) {
    const outcome = await bus.publish(queue, message);
    if (outcome === "confirmed") return;
    if (outcome !== "refused") throw new Error(`a message was ${outcome}`);
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
  throw new Error("a queue stays full");
}
