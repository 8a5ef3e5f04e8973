import { create } from "@bufbuild/protobuf";
import { EnvelopeSchema } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { compiledValidator } from "@hexhold/messaging";
import fc from "fast-check";
import { expect, it } from "vitest";
import { envelopeFault, isPlainlyRight } from "./envelope-rules.ts";

const validator = compiledValidator([EnvelopeSchema]);
const bytes = (...lengths: number[]) =>
  fc.constantFrom(...lengths).map((length) => new Uint8Array(length));
const text = (...lengths: number[]) =>
  fc
    .tuple(fc.constantFrom(...lengths), fc.constantFrom("a", "ä", "𝄞"))
    .map(([length, unit]) => unit.repeat(length));
const fine = {
  type: "cmd.hex.gather",
  version: 1,
  requestId: new Uint8Array(16),
  eventId: new Uint8Array(16),
};
/** Fine, but for any of its fields, each around every limit that a rule may have. */
const envelope = fc
  .record(
    {
      type: text(0, 1, 64, 128, 129),
      version: fc.constantFrom(0, 1, 2, 2 ** 32 - 1),
      requestId: bytes(0, 15, 16, 17),
      eventId: bytes(0, 15, 16, 17),
      causationId: bytes(0, 1, 16, 17, 4096),
      correlationId: bytes(0, 1, 16, 17, 4096),
      tsMs: fc.constantFrom(-1n, 0n, 2n ** 62n),
      idempotencyKey: bytes(0, 31, 32, 33, 4096),
      payload: bytes(0, 1, 8193, 16_384, 16_385),
      accountId: bytes(0, 1, 16, 17, 4096),
      sessionId: bytes(0, 1, 16, 17, 4096),
      volatileSeq: fc.constantFrom(0n, 1n, 2n ** 64n - 1n),
      deadlineMs: fc.constantFrom(-1n, 0n, 2n ** 62n),
      traceparent: text(0, 1, 54, 55, 56),
      subject: text(0, 1, 127, 128, 129),
    },
    { requiredKeys: [] },
  )
  .map((fields) => create(EnvelopeSchema, { ...fine, ...fields }));

it("never takes for plainly right what the validator would refuse", () => {
  let right = 0;
  fc.assert(
    fc.property(envelope, (given) => {
      const verdict = validator.validate(EnvelopeSchema, given).kind;
      if (isPlainlyRight(given)) {
        right++;
        expect(verdict).toBe("valid");
      }
      expect(envelopeFault(given) === undefined).toBe(verdict === "valid");
    }),
    { numRuns: 2000 },
  );
  expect(right).toBeGreaterThan(20);
});

it("says what is wrong", () => {
  expect(envelopeFault(create(EnvelopeSchema, { ...fine, version: 0 }))).toContain("version");
  expect(envelopeFault(create(EnvelopeSchema, fine))).toBeUndefined();
});
