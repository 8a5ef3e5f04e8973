import { create, toBinary } from "@bufbuild/protobuf";
import { type Event, EventSchema, ServerFrameSchema } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { EnvelopeSchema, ViewEventSchema } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import fc from "fast-check";
import { expect, it } from "vitest";
import { eventFrame } from "./server-frame.ts";

const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

it("writes an event as the generated code does", () => {
  const view = fc.record(
    {
      key: fc.record({ hexId: uint64, layerId: fc.nat() }),
      activationId: bytes(16),
      viewSeq: uint64,
      hexVersion: uint64,
    },
    { requiredKeys: [] },
  );
  const envelope = fc.record({
    type: fc.string({ unit: "grapheme", maxLength: 80 }),
    version: fc.nat(),
    payload: bytes(300),
    tsMs: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  });
  fc.assert(
    fc.property(view, envelope, (seen, told) => {
      const expected: Event = create(EventSchema, { ...seen, ...told });
      const frame = create(ServerFrameSchema, { frame: { case: "event", value: expected } });
      const written = eventFrame(create(ViewEventSchema, seen), create(EnvelopeSchema, told));
      expect(Buffer.from(written)).toEqual(Buffer.from(toBinary(ServerFrameSchema, frame)));
    }),
  );
});
