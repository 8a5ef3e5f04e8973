import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  AnswerBatchSchema,
  AnswerSchema,
  BatchSchema,
  type Envelope,
  EnvelopeSchema,
  ErrorCode,
  ViewBatchSchema,
} from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { Durability } from "@hexhold/gen/hexhold/options/v1/options_pb";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesText } from "./bytes-text.ts";
import {
  type AnswerOutcome,
  answerBytes,
  decodeAnswerHead,
  decodeBatch,
  decodeViews,
  encodeAnswers,
  encodeBatch,
  encodeStoredAnswer,
  encodeViews,
  splitAnswers,
} from "./codec.ts";
import { decodeEnvelope, encodeEnvelope, withSubject } from "./envelope-codec.ts";
import { DecodeError } from "./wire-fields.ts";
import { WireReader } from "./wire-reader.ts";
import { encoded, WireWriter } from "./wire-writer.ts";

const bytes = (max = 40) => fc.uint8Array({ maxLength: max });
const key = fc.record({
  hexId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  layerId: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
});
const text = fc.string({ unit: "grapheme", maxLength: 20 });
const safe = fc.nat({ max: Number.MAX_SAFE_INTEGER });

/** Any envelope that the schema can express. */
const anyEnvelope = fc.record(
  {
    type: text,
    version: fc.nat({ max: 2 ** 32 - 1 }),
    key: fc.record({ hexId: key.map(({ hexId }) => hexId), layerId: fc.nat({ max: 2 ** 32 - 1 }) }),
    requestId: bytes(16),
    eventId: bytes(16),
    causationId: bytes(16),
    correlationId: bytes(16),
    producer: fc.record({ service: text, version: text, instance: text }),
    tsMs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    idempotencyKey: bytes(32),
    payload: bytes(300),
    accountId: bytes(16),
    sessionId: bytes(16),
    volatileSeq: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    deadlineMs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    traceparent: text,
    subject: text,
  },
  { requiredKeys: [] },
);

/** What the generated code makes of `bytes`, for a comparison: undefined = it throws. */
function generatedEnvelope(given: Uint8Array): Envelope | undefined {
  try {
    const { $unknown: _, ...known } = fromBinary(EnvelopeSchema, given);
    return plain(known);
  } catch {
    return undefined;
  }
}

function plain(envelope: Envelope): Envelope {
  // Views of several kinds of arrays, with the same bytes.
  return structuredClone({
    ...envelope,
    ...Object.fromEntries(
      Object.entries(envelope).map(([name, value]) => [
        name,
        value instanceof Uint8Array ? Uint8Array.from(value) : value,
      ]),
    ),
  });
}

it("writes and reads texts of every length and alphabet, one like the last one or not", () => {
  const texts = [
    "",
    "ä",
    "aä",
    "ÿ",
    "a€",
    "𝄞",
    "a".repeat(64),
    "a".repeat(65),
    "ä".repeat(64),
    "b",
  ];
  for (const each of texts) {
    const written = new WireWriter().string(each).finish();
    expect(Buffer.from(written)).toEqual(Buffer.from(new BinaryWriter().string(each).finish()));
    for (const likely of texts) expect(new WireReader(written).string(likely)).toBe(each);
  }
});

describe("the reader of envelopes", () => {
  it("reads what the generated code reads", () => {
    fc.assert(
      fc.property(anyEnvelope, (given) => {
        const written = toBinary(EnvelopeSchema, create(EnvelopeSchema, given));
        expect(plain(decodeEnvelope(written))).toEqual(generatedEnvelope(written));
      }),
      { numRuns: 500 },
    );
  });

  it("passes over fields that it does not know, and takes the last of those that come twice", () => {
    fc.assert(
      fc.property(anyEnvelope, anyEnvelope, fc.nat({ max: 1000 }), (first, second, number) => {
        const unknown = new BinaryWriter();
        unknown.tag(number + 18, WireType.Varint).uint64(2n ** 64n - 1n);
        unknown.tag(number + 18, WireType.Bit64).fixed64(1n);
        unknown.tag(number + 18, WireType.Bit32).fixed32(1);
        unknown.tag(number + 18, WireType.LengthDelimited).bytes(new Uint8Array(200));
        const written = Buffer.concat([
          toBinary(EnvelopeSchema, create(EnvelopeSchema, first)),
          unknown.finish(),
          toBinary(EnvelopeSchema, create(EnvelopeSchema, second)),
        ]);
        expect(plain(decodeEnvelope(written))).toEqual(generatedEnvelope(written));
      }),
    );
  });

  const readOrRefused = (given: Uint8Array): Envelope | undefined => {
    try {
      return plain(decodeEnvelope(given));
    } catch (error) {
      expect(error).toBeInstanceOf(DecodeError);
      return undefined;
    }
  };

  it("refuses what is cut off in the middle of a field", () => {
    let refused = 0;
    fc.assert(
      fc.property(anyEnvelope, fc.nat(), (given, at) => {
        const written = toBinary(EnvelopeSchema, create(EnvelopeSchema, given));
        const cut = written.subarray(0, at % (written.length + 1));
        const read = readOrRefused(cut);
        expect(read).toEqual(generatedEnvelope(cut));
        if (read === undefined) refused++;
      }),
      { numRuns: 500 },
    );
    expect(refused).toBeGreaterThan(50);
  });

  it("refuses a text that is no UTF-8, and takes the sign that stands for such bytes", () => {
    // Behind an end that is missing, a surrogate, a longer form than needed, beyond the last code point.
    for (const wrong of ["80", "c3", "eda080", "c0af", "f4908080", "6180"]) {
      const traceparent = new BinaryWriter();
      traceparent.tag(16, WireType.LengthDelimited).bytes(Buffer.from(wrong, "hex"));
      const written = traceparent.finish();
      expect(generatedEnvelope(written)).toBeUndefined();
      expect(readOrRefused(written)).toBeUndefined();
    }
    const written = toBinary(EnvelopeSchema, create(EnvelopeSchema, { traceparent: "a\ufffdb" }));
    expect(readOrRefused(written)?.traceparent).toBe("a\ufffdb");
  });

  it("reads of any bytes what the generated code reads, or nothing", () => {
    expect.hasAssertions();
    fc.assert(
      fc.property(bytes(60), (given) => {
        const read = readOrRefused(given);
        // The generated code is milder: it takes a field of another wire type than it knows.
        if (read !== undefined) expect(read).toEqual(generatedEnvelope(given));
      }),
      { numRuns: 2000 },
    );
  });
});

describe("the writers of the command path", () => {
  it("write an envelope as the generated code does", () => {
    const envelope = fc.record({
      type: text,
      messageVersion: fc.nat(),
      key: fc.option(key, { nil: undefined }),
      requestId: bytes(16),
      eventId: bytes(16),
      causationId: bytes(16),
      correlationId: bytes(16),
      producer: fc.record({ service: text, version: text, instance: text }),
      tsMs: safe,
      idempotencyKey: bytes(32),
      payload: bytes(300),
      accountId: bytes(16),
      sessionId: bytes(16),
      volatileSeq: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      deadlineMs: safe,
      traceparent: text,
      subject: text,
    });
    fc.assert(
      fc.property(envelope, ({ messageVersion, tsMs, deadlineMs, key, ...rest }) => {
        const generated = create(EnvelopeSchema, {
          ...rest,
          version: messageVersion,
          tsMs: BigInt(tsMs),
          deadlineMs: BigInt(deadlineMs),
          ...(key === undefined ? {} : { key }),
        });
        const written = encodeEnvelope({ messageVersion, tsMs, deadlineMs, key, ...rest });
        expect(Buffer.from(written)).toEqual(Buffer.from(toBinary(EnvelopeSchema, generated)));
        const { subject, ...without } = rest;
        const bare = encodeEnvelope({ messageVersion, tsMs, deadlineMs, key, ...without });
        expect(Buffer.from(withSubject(bare, subject))).toEqual(Buffer.from(written));
      }),
    );
  });

  it("write batches and views as the generated code does", () => {
    const view = fc.record({
      key,
      activationId: bytes(16),
      viewSeq: safe,
      hexVersion: safe,
      event: bytes(),
    });
    const origin = fc.record({
      life: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
      places: fc.array(
        fc.record({ slot: fc.string(), position: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }) }),
      ),
    });
    fc.assert(
      fc.property(
        fc.array(bytes()),
        fc.boolean(),
        fc.array(view),
        origin,
        (envelopes, suspect, views, owed) => {
          const routeVersion = BigInt(envelopes.length);
          const generated = create(BatchSchema, { routeVersion, suspect, envelopes, ...owed });
          const batchBytes = encodeBatch({ routeVersion, suspect, envelopes, origin: owed });
          expect(Buffer.from(batchBytes)).toEqual(Buffer.from(toBinary(BatchSchema, generated)));
          expect(decodeBatch(Uint8Array.from(batchBytes))).toEqual(generated);
          const plain = create(BatchSchema, { routeVersion, suspect, envelopes });
          expect(decodeBatch(encodeBatch({ routeVersion, suspect, envelopes }))).toEqual(plain);
          const wire = views.map((item) => ({
            ...item,
            viewSeq: BigInt(item.viewSeq),
            hexVersion: BigInt(item.hexVersion),
          }));
          const marks = wire.map(({ key, activationId, viewSeq }) => ({
            key,
            activationId,
            viewSeq,
          }));
          expect(Buffer.from(encodeViews({ events: views, marks: views }))).toEqual(
            Buffer.from(
              toBinary(ViewBatchSchema, create(ViewBatchSchema, { events: wire, marks })),
            ),
          );
          // And read them.
          const written = Uint8Array.from(encodeViews({ events: views, marks: views }));
          expect(decodeViews(written)).toEqual(create(ViewBatchSchema, { events: wire, marks }));
        },
      ),
    );
  });

  it("write answers that the generated code reads as they were meant", () => {
    const outcome = fc.oneof(
      fc.record({ case: fc.constant("applied" as const), result: bytes() }),
      fc.record({
        case: fc.constant("refused" as const),
        reason: text,
        retryAfterMs: fc.nat(),
        detail: bytes(),
      }),
      fc.record({
        case: fc.constant("error" as const),
        errorCode: fc.constantFrom(ErrorCode.DEAD_LETTERED, ErrorCode.UNAVAILABLE),
        reason: text,
        message: text,
      }),
    );
    fc.assert(
      fc.property(
        outcome,
        key,
        fc.boolean(),
        safe,
        (given: AnswerOutcome, key, replayed, hexVersion) => {
          const stored = encodeStoredAnswer({
            hexVersion,
            epoch: 7n,
            durability: Durability.DURABLE,
            outcome: given,
          });
          const eventId = Uint8Array.from({ length: 16 }, (_, i) => 17 * i);
          const requestId = new Uint8Array(16).fill(2);
          const encoded = Uint8Array.from(
            answerBytes({ eventId, requestId, key }, stored, replayed),
          );
          const head = decodeAnswerHead(encoded);
          expect(head.eventText).toBe(bytesText(eventId));
          expect(head).toMatchObject({
            replayed,
            outcome: given.case,
            errorCode: given.case === "error" ? given.errorCode : ErrorCode.UNSPECIFIED,
          });
          const { case: name, ...value } = given;
          const expected = create(AnswerSchema, {
            commandEventId: eventId,
            requestId,
            key,
            hexVersion: BigInt(hexVersion),
            epoch: 7n,
            replayed,
            durability: Durability.DURABLE,
            outcome: { case: name, value } as never,
          });
          expect(fromBinary(AnswerSchema, encoded)).toEqual(expected);
          const body = encodeAnswers([encoded, encoded]);
          expect(fromBinary(AnswerBatchSchema, Uint8Array.from(body)).answers).toEqual([
            expected,
            expected,
          ]);
          expect(splitAnswers(body).map((item) => Buffer.from(item))).toEqual(
            [encoded, encoded].map((item) => Buffer.from(item)),
          );
        },
      ),
    );
  });
});

describe("the readers", () => {
  it("refuse bytes that are no message, by name", () => {
    const broken = Uint8Array.of(0x0a, 0xff, 0x01);
    expect(() => decodeEnvelope(broken)).toThrow(DecodeError);
    expect(() => decodeBatch(Uint8Array.of(0x1a, 0xff, 0x01))).toThrow(/a batch cannot be decoded/);
    expect(() => splitAnswers(broken)).toThrow(DecodeError);
  });

  it("read batches with fields that they do not know, and take the last of those that come twice", () => {
    const unknown = new BinaryWriter().tag(9, WireType.Bit64).fixed64(1n);
    const batches = [
      { routeVersion: 2n ** 64n - 1n, suspect: true, envelopes: [Uint8Array.of(1)] },
      { routeVersion: 7n, envelopes: [new Uint8Array(0), Uint8Array.of(2)] },
    ].map((batch) => toBinary(BatchSchema, create(BatchSchema, batch)));
    const written = Uint8Array.from(Buffer.concat([batches[0]!, unknown.finish(), batches[1]!]));
    const { $unknown: _, ...known } = fromBinary(BatchSchema, written);
    expect(decodeBatch(written)).toEqual(known);
    expect(known).toMatchObject({ routeVersion: 7n, suspect: true });
  });
});

describe("the writer", () => {
  it("refuses what 64 bits without a sign cannot hold", () => {
    for (const value of [-1n, 2n ** 64n]) {
      expect(() => new WireWriter().fixed64(value)).toThrow(RangeError);
    }
  });

  it("grows for what is large, and begins anew after a message that was left half written", () => {
    const large = new Uint8Array(3_000_000).fill(7);
    const bytes = encoded((writer) => writer.tag(1, WireType.LengthDelimited).bytes(large));
    expect(fromBinary(AnswerBatchSchema, encodeAnswers([new Uint8Array(0)])).answers).toHaveLength(
      1,
    );
    expect(Buffer.from(bytes.subarray(-large.length)).equals(large)).toBe(true);
    expect(() =>
      encoded((writer) => {
        writer.raw(large);
        throw new Error("half");
      }),
    ).toThrow("half");
    expect([...encoded((writer) => writer.varint(300))]).toEqual([0xac, 0x02]);
    const inside = encoded((writer) => writer.raw(encoded((other) => other.varint(5))).varint(6));
    expect([...inside]).toEqual([5, 6]);
  });

  it("puts the length before a message inside another, however long it is", () => {
    for (const length of [0, 1, 127, 128, 200, 16_383, 16_384, 2_097_151, 2_097_152]) {
      const inside = new Uint8Array(length).fill(9);
      const written = encoded((writer) =>
        writer.tag(3, WireType.LengthDelimited).fork().raw(inside).join().varint(1),
      );
      const wanted = new BinaryWriter()
        .tag(3, WireType.LengthDelimited)
        .fork()
        .raw(inside)
        .join()
        .uint32(1)
        .finish();
      expect([length, Buffer.from(written).equals(wanted)]).toEqual([length, true]);
    }
  });

  it("gives memory of its own to what goes to another thread", () => {
    const writer = new WireWriter();
    const first = writer.raw(Uint8Array.of(1, 2, 3)).finishAlone();
    const second = writer.raw(Uint8Array.of(4)).finishAlone();
    expect([[...first], first.buffer.byteLength]).toEqual([[1, 2, 3], 3]);
    expect([...second]).toEqual([4]);
  });
});
