/** A letter about what was given up, for the router, which keeps it for the operators. */
import { create, toBinary } from "@bufbuild/protobuf";
import { CommandDeadLetteredSchema } from "@hexhold/gen/hexhold/control/v1/dead_letter_pb";
import { encodeEnvelope, uuidv7Bytes } from "@hexhold/messaging";
import type { OutboxMessage } from "./domain-store.ts";
import type { Incoming } from "./incoming.ts";

/** The process that makes messages. */
export interface ProducerIdentity {
  readonly service: string;
  readonly version: string;
  readonly instance: string;
}

export interface LetterContext {
  readonly queue: string;
  readonly producer: ProducerIdentity;
  readonly nowMs: number;
}

/** Characters of an error that a letter keeps. */
const errorLengthMax = 2000;

export function letterOf(
  item: Incoming,
  error: string,
  attempts: number,
  { queue, producer, nowMs }: LetterContext,
): OutboxMessage {
  const letter = create(CommandDeadLetteredSchema, {
    envelope: item.bytes,
    error: error.slice(0, errorLengthMax),
    attempts,
    slot: queue,
    worker: producer.instance,
    atMs: BigInt(nowMs),
  });
  return {
    destination: "router",
    subject: queue,
    envelope: encodeEnvelope({
      type: "evt.worker.command-dead-lettered",
      messageVersion: 1,
      subject: queue,
      eventId: uuidv7Bytes(nowMs),
      causationId: item.envelope?.eventId,
      correlationId: item.envelope?.correlationId,
      producer,
      tsMs: nowMs,
      payload: toBinary(CommandDeadLetteredSchema, letter),
      traceparent: item.envelope?.traceparent,
    }),
  };
}
