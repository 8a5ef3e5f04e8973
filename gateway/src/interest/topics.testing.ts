/** What services say of topics, as gateways get it. */
import { encodeEnvelope, encodeTopics, uuidv7Bytes } from "@hexhold/messaging";

/** A message with one event; its payload is `payload` as text. */
export function topicMessage(
  topic: string,
  seq: bigint,
  payload = "",
): { readonly type: "topic.v1"; readonly body: Uint8Array } {
  const event = encodeEnvelope({
    type: "evt.market.book-changed",
    messageVersion: 1,
    eventId: uuidv7Bytes(),
    producer: { service: "market", version: "0", instance: "market-1" },
    tsMs: 5,
    payload: Buffer.from(payload),
  });
  return { type: "topic.v1", body: encodeTopics({ events: [{ topic, seq, event }], marks: [] }) };
}

export function markMessage(
  topic: string,
  seq: bigint,
): { readonly type: "topic.v1"; readonly body: Uint8Array } {
  return { type: "topic.v1", body: encodeTopics({ events: [], marks: [{ topic, seq }] }) };
}
