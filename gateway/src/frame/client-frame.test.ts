import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type ClientFrame, ClientFrameSchema } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeClientFrame } from "./client-frame.ts";

const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const command = fc.record(
  {
    requestId: bytes(16),
    type: fc.string({ unit: "grapheme", maxLength: 200 }),
    version: fc.nat({ max: 2 ** 32 - 1 }),
    key: fc.record({ hexId: uint64, layerId: fc.nat({ max: 2 ** 32 - 1 }) }),
    payload: bytes(300),
    volatileSeq: uint64,
  },
  { requiredKeys: [] },
);
const frame = fc.oneof(
  { weight: 4, arbitrary: command.map((value) => ({ case: "command" as const, value })) },
  bytes(16).map((resume) => ({ case: "hello" as const, value: { token: "t", resume } })),
  uint64.map((nonce) => ({ case: "ping" as const, value: { nonce } })),
);

/** Undefined: it throws. */
function readBy(decode: (given: Uint8Array) => ClientFrame, given: Uint8Array) {
  try {
    // Of a Buffer the generated code gives Buffers.
    const { frame: read } = decode(Uint8Array.from(given));
    // Views of several kinds of arrays, with the same bytes; what is not known is not kept.
    return JSON.stringify(read, (name, value: unknown) => {
      if (name === "$unknown") return undefined;
      if (typeof value === "bigint") return String(value);
      return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
    });
  } catch {
    return undefined;
  }
}

const generated = (given: Uint8Array): ClientFrame => fromBinary(ClientFrameSchema, given);

it("reads what the generated code reads, one frame or several in a row", () => {
  fc.assert(
    fc.property(fc.array(frame, { minLength: 1, maxLength: 2 }), (frames) => {
      const written = Buffer.concat(
        frames.map((each) =>
          toBinary(ClientFrameSchema, create(ClientFrameSchema, { frame: each })),
        ),
      );
      expect(readBy(decodeClientFrame, written)).toBe(readBy(generated, written));
    }),
    { numRuns: 500 },
  );
});

it("passes over fields of a command that it does not know", () => {
  fc.assert(
    fc.property(command, fc.nat({ max: 100 }), (given, number) => {
      const known = toBinary(
        ClientFrameSchema,
        create(ClientFrameSchema, { frame: { case: "command", value: given } }),
      );
      const inside = known.subarray(known[1]! < 0x80 ? 2 : 3);
      const newer = new BinaryWriter().raw(inside);
      newer.tag(number + 7, WireType.LengthDelimited).bytes(new Uint8Array(9));
      newer.tag(number + 7, WireType.Varint).uint64(2n ** 63n);
      const written = new BinaryWriter()
        .tag(2, WireType.LengthDelimited)
        .bytes(newer.finish())
        .finish();
      expect(readBy(decodeClientFrame, written)).toBe(readBy(generated, written));
    }),
  );
});

it("reads of cut or any bytes what the generated code reads, or nothing", () => {
  const cut = fc.tuple(frame, fc.nat()).map(([each, at]) => {
    const written = toBinary(ClientFrameSchema, create(ClientFrameSchema, { frame: each }));
    return written.subarray(0, at % (written.length + 1));
  });
  const any = bytes(40).map((tail) => Uint8Array.of(0x12, tail.length, ...tail));
  let refused = 0;
  fc.assert(
    fc.property(fc.oneof(cut, any), (given) => {
      const read = readBy(decodeClientFrame, given);
      if (read === undefined) refused++;
      else expect(read).toBe(readBy(generated, given));
    }),
    { numRuns: 1000 },
  );
  expect(refused).toBeGreaterThan(100);
});
