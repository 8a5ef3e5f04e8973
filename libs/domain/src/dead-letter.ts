/** A letter about what was given up, for the router, which keeps it for the operators. */
import { encodeDeadLetter, uuidv7Bytes } from "@hexhold/messaging";
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

/** A letter of the bytes alone, with nothing that was read from them. */
export function bareLetterOf(
  item: Incoming,
  error: string,
  attempts: number,
  context: LetterContext,
): OutboxMessage {
  return letterOf({ bytes: item.bytes, envelope: undefined }, error, attempts, context);
}

export function letterOf(
  item: Pick<Incoming, "bytes" | "envelope">,
  error: string,
  attempts: number,
  { queue, producer, nowMs }: LetterContext,
): OutboxMessage {
  return {
    destination: "router",
    subject: queue,
    envelope: encodeDeadLetter({
      bytes: item.bytes,
      error: error.slice(0, errorLengthMax).toWellFormed(),
      attempts,
      slot: queue,
      producer,
      nowMs,
      eventId: uuidv7Bytes(nowMs),
      ...(item.envelope === undefined ? {} : { cause: item.envelope }),
    }),
  };
}
