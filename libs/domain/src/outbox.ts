/** What a service sends to others: commands and events, as rows of its outbox. */
import { type DescFile, type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import type { Envelope } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { type Key, keyBytes, keyText, parseKeyText } from "@hexhold/hex";
import {
  createMessageRegistry,
  encodeEnvelope,
  idempotencyKeyOf,
  noBytes,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { byteaArray, textArray } from "@hexhold/postgres";
import { newTraceparent } from "@hexhold/telemetry";
import type { ProducerIdentity } from "./dead-letter.ts";
import type { OutboxMessage } from "./domain-store.ts";
import type { Statement, Transaction } from "./transaction.ts";

/** Destination of commands to hexes; every other one is a service. */
export const hexDestination = "hex";

export interface Sending {
  readonly schema: DescMessage;
  readonly message: Message;
  /** A service, and what of it the message is about; or a hex. */
  readonly to: { readonly service: string; readonly subject: string } | { readonly hex: Key };
  /** What made the service send it; undefined: its own timer, say. */
  readonly cause: Envelope | undefined;
}

export interface Outbox {
  /** Encodes a message under ids of its own. Throws when its contract is in none of the outbox's files. */
  messageOf(sending: Sending): OutboxMessage;
  /**
   * Writes rows, which are sent when the transaction is committed and in no other case. Throws for a hex without a key
   * text, and for any hex when the service was started without routes: nothing would ever send them.
   */
  send(transaction: Transaction, messages: readonly OutboxMessage[]): Promise<void>;
  /** For who writes rows otherwise: those of `transaction` are looked for as soon as it is committed. */
  hintAfter(transaction: Transaction): void;
  /**
   * `listener` is called after each commit that left rows. There is one, that of {@link startDomain}, which also says
   * whether rows for hexes have a way; default: they have.
   */
  onRows(listener: () => void, way?: { readonly reachesHexes: boolean }): void;
}

export interface OutboxOptions {
  readonly producer: ProducerIdentity;
  /** Files of everything that is sent. */
  readonly descriptors: readonly DescFile[];
  /** World time, Unix milliseconds. */
  readonly worldNow: () => number;
}

export function createOutbox({ producer, descriptors, worldNow }: OutboxOptions): Outbox {
  const registry = createMessageRegistry(descriptors);
  let listener: (() => void) | undefined;
  let reachesHexes = true;
  const hint = (): void => listener?.();
  return {
    messageOf({ schema, message, to, cause }) {
      const { type, messageVersion, kind } = registry.bySchema(schema);
      const nowMs = Math.floor(worldNow());
      const eventId = uuidv7Bytes(nowMs);
      const hex = "hex" in to ? to.hex : undefined;
      const subject = "hex" in to ? keyText(to.hex) : to.subject;
      const target = hex === undefined ? Buffer.from(subject) : keyBytes(hex);
      const command =
        kind === "event"
          ? {}
          : {
              requestId: eventId,
              idempotencyKey: idempotencyKeyOf({
                accountId: undefined,
                requestId: eventId,
                type,
                target,
              }),
            };
      const envelope = encodeEnvelope({
        type,
        messageVersion,
        eventId,
        ...command,
        ...(hex === undefined ? { subject } : { key: hex }),
        causationId: cause?.eventId ?? noBytes,
        correlationId: correlationOf(cause) ?? eventId,
        producer,
        tsMs: nowMs,
        payload: toBinary(schema, message),
        traceparent: cause?.traceparent || newTraceparent(false),
      });
      return { destination: "hex" in to ? hexDestination : to.service, subject, envelope };
    },
    async send(transaction, messages) {
      if (messages.length === 0) return;
      for (const { destination, subject } of messages) {
        if (destination !== hexDestination) continue;
        parseKeyText(subject);
        if (!reachesHexes) throw new TypeError(noRoutes(producer.service));
      }
      await transaction.query(outboxStatement(producer.service, messages));
      transaction.onCommit(hint);
    },
    hintAfter: (transaction) => transaction.onCommit(hint),
    onRows(next, way) {
      listener = next;
      reachesHexes = way?.reachesHexes ?? true;
    },
  };
}

/** Writes rows of the outbox in the order given. `schema` is a name of ours, never input. */
export function outboxStatement(
  schema: string,
  messages: readonly OutboxMessage[],
): Required<Statement> {
  return {
    name: `${schema}_send`,
    text: `INSERT INTO ${schema}.outbox (destination, subject, envelope)
      SELECT destination, subject, envelope
      FROM unnest($1::text[], $2::text[], $3::bytea[]) WITH ORDINALITY AS m (destination, subject, envelope, nth)
      ORDER BY nth`,
    values: [
      textArray(messages.map(({ destination }) => destination)),
      textArray(messages.map(({ subject }) => subject)),
      byteaArray(messages.map(({ envelope }) => envelope)),
    ],
  };
}

function correlationOf(cause: Envelope | undefined): Uint8Array | undefined {
  return [cause?.correlationId, cause?.requestId, cause?.eventId].find((id) => id?.length === 16);
}

export function noRoutes(schema: string): string {
  return `${schema} sends to hexes, and was started without routes to them (\`routes\` of startDomain)`;
}
