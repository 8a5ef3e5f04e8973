/**
 * Envelopes, written and read field by field: making a generated message and encoding it by reflection costs
 * several times as much, and so does reading one (bench/README.md). `codec.test.ts` holds both to the generated
 * code.
 */
import { WireType } from "@bufbuild/protobuf/wire";
import type { Envelope, Producer } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import type { Key } from "@hexhold/hex";
import {
  bytesField,
  decoding,
  fieldOf,
  keyField,
  noBytes,
  readKey,
  readUint32,
  textField,
  uintField,
  type WireTypes,
} from "./wire-fields.ts";
import { WireReader } from "./wire-reader.ts";
import { encoded } from "./wire-writer.ts";

const { Varint, LengthDelimited } = WireType;
/** An envelope as its producer fills it. */
export interface EnvelopeFields {
  readonly type: string;
  readonly messageVersion: number;
  readonly key?: Key | undefined;
  readonly requestId?: Uint8Array | undefined;
  readonly eventId: Uint8Array;
  readonly causationId?: Uint8Array | undefined;
  readonly correlationId?: Uint8Array | undefined;
  readonly producer: {
    readonly service: string;
    readonly version: string;
    readonly instance: string;
  };
  readonly tsMs: number;
  readonly idempotencyKey?: Uint8Array | undefined;
  readonly payload: Uint8Array;
  readonly accountId?: Uint8Array | undefined;
  readonly sessionId?: Uint8Array | undefined;
  readonly volatileSeq?: bigint | undefined;
  readonly deadlineMs?: number | undefined;
  readonly traceparent?: string | undefined;
  readonly subject?: string | undefined;
}

export function encodeEnvelope(envelope: EnvelopeFields): Uint8Array {
  return encoded((writer) => {
    textField(writer, 1, envelope.type);
    uintField(writer, 2, envelope.messageVersion);
    keyField(writer, 3, envelope.key);
    bytesField(writer, 4, envelope.requestId);
    bytesField(writer, 5, envelope.eventId);
    bytesField(writer, 6, envelope.causationId);
    bytesField(writer, 7, envelope.correlationId);
    writer.tag(8, WireType.LengthDelimited).fork();
    textField(writer, 1, envelope.producer.service);
    textField(writer, 2, envelope.producer.version);
    textField(writer, 3, envelope.producer.instance);
    writer.join();
    uintField(writer, 9, envelope.tsMs);
    bytesField(writer, 10, envelope.idempotencyKey);
    bytesField(writer, 11, envelope.payload);
    bytesField(writer, 12, envelope.accountId);
    bytesField(writer, 13, envelope.sessionId);
    uintField(writer, 14, envelope.volatileSeq);
    uintField(writer, 15, envelope.deadlineMs);
    textField(writer, 16, envelope.traceparent);
    textField(writer, 17, envelope.subject);
  });
}

/** An encoded envelope that has no subject, with one: the same bytes as if it had been encoded with it. */
export function withSubject(envelope: Uint8Array, subject: string): Uint8Array {
  return encoded((writer) => {
    writer.raw(envelope);
    textField(writer, 17, subject);
  });
}

/** Throws {@link DecodeError}. */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  return decoding("an envelope", () => readEnvelope(new WireReader(bytes)));
}

function readEnvelope(reader: WireReader): Envelope {
  const envelope: Envelope = {
    $typeName: "hexhold.envelope.v1.Envelope",
    type: "",
    version: 0,
    requestId: noBytes,
    eventId: noBytes,
    causationId: noBytes,
    correlationId: noBytes,
    tsMs: 0n,
    idempotencyKey: noBytes,
    payload: noBytes,
    accountId: noBytes,
    sessionId: noBytes,
    volatileSeq: 0n,
    deadlineMs: 0n,
    traceparent: "",
    subject: "",
  };
  while (reader.more()) {
    switch (fieldOf(reader, envelopeWireTypes)) {
      case 1:
        envelope.type = lastType = reader.string(lastType);
        break;
      case 2:
        envelope.version = readUint32(reader);
        break;
      case 3:
        envelope.key = readKey(reader, envelope.key);
        break;
      case 4:
        envelope.requestId = reader.bytes();
        break;
      case 5:
        envelope.eventId = reader.bytes();
        break;
      case 6:
        envelope.causationId = reader.bytes();
        break;
      case 7:
        envelope.correlationId = reader.bytes();
        break;
      case 8:
        envelope.producer = readProducer(reader, envelope.producer);
        break;
      case 9:
        envelope.tsMs = BigInt.asIntN(64, reader.varint64());
        break;
      case 10:
        envelope.idempotencyKey = reader.bytes();
        break;
      case 11:
        envelope.payload = reader.bytes();
        break;
      case 12:
        envelope.accountId = reader.bytes();
        break;
      case 13:
        envelope.sessionId = reader.bytes();
        break;
      case 14:
        envelope.volatileSeq = reader.varint64();
        break;
      case 15:
        envelope.deadlineMs = BigInt.asIntN(64, reader.varint64());
        break;
      case 16:
        envelope.traceparent = reader.string();
        break;
      case 17:
        envelope.subject = reader.string();
        break;
      default:
    }
  }
  return envelope;
}

/** Of the last envelope that was read: those of one batch are alike. */
let lastType = "";
const lastProducer = { service: "", version: "", instance: "" };

function readProducer(reader: WireReader, before: Producer | undefined): Producer {
  const producer: Producer = before ?? {
    $typeName: "hexhold.envelope.v1.Producer",
    service: "",
    version: "",
    instance: "",
  };
  for (const end = reader.open(); reader.more(end);) {
    switch (fieldOf(reader, producerWireTypes)) {
      case 1:
        producer.service = lastProducer.service = reader.string(lastProducer.service);
        break;
      case 2:
        producer.version = lastProducer.version = reader.string(lastProducer.version);
        break;
      case 3:
        producer.instance = lastProducer.instance = reader.string(lastProducer.instance);
        break;
      default:
    }
  }
  return producer;
}

const producerWireTypes: WireTypes = [undefined, LengthDelimited, LengthDelimited, LengthDelimited];
const envelopeWireTypes: WireTypes = [
  undefined,
  LengthDelimited,
  Varint,
  ...Array.from({ length: 6 }, () => LengthDelimited),
  Varint,
  ...Array.from({ length: 4 }, () => LengthDelimited),
  Varint,
  Varint,
  LengthDelimited,
  LengthDelimited,
];
