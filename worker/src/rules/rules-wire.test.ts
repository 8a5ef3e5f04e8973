import { Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { HostCommand, HostDecision, HostOutcome } from "./rules-host.ts";
import { packCommands, packDecision, unpackCommands, unpackDecision } from "./rules-wire.ts";

const bytes = fc.uint8Array({ maxLength: 300 });
const someBytes = fc.option(fc.uint8Array({ minLength: 16, maxLength: 16 }), { nil: undefined });
const text = fc.string({ unit: "grapheme", maxLength: 40 });
const whole = fc.nat({ max: Number.MAX_SAFE_INTEGER });

const command: fc.Arbitrary<HostCommand> = fc.record({
  keyText: text,
  type: text,
  payload: bytes,
  sender: fc.constantFrom(Sender.CLIENT, Sender.GATEWAY),
  accountId: someBytes,
  sessionId: someBytes,
  volatileSeq: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
});
const event = fc.record({
  type: text,
  messageVersion: whole,
  payload: bytes,
  consumers: fc.array(text, { maxLength: 3 }),
  viewSeq: whole,
  hexVersion: whole,
});
const message = fc.record({
  type: text,
  messageVersion: whole,
  payload: bytes,
  to: fc.oneof(fc.record({ keyText: text }), fc.record({ service: text, subject: text })),
});
const outcome: fc.Arbitrary<HostOutcome> = fc.oneof(
  fc.record({
    kind: fc.constant("applied" as const),
    result: bytes,
    events: fc.array(event, { maxLength: 3 }),
    messages: fc.array(message, { maxLength: 3 }),
    timers: fc.array(
      fc.record({
        timer: text,
        armed: fc.option(fc.record({ dueMs: whole, armedVersion: whole }), { nil: undefined }),
      }),
      { maxLength: 3 },
    ),
    hexVersion: whole,
    decidedMs: whole,
  }),
  fc.record({
    kind: fc.constant("refused" as const),
    reason: text,
    retryAfterMs: whole,
    detail: bytes,
    hexVersion: whole,
    decidedMs: whole,
  }),
  fc.record({ kind: fc.constant("invalid" as const), message: text, hexVersion: whole }),
);
const decision: fc.Arbitrary<HostDecision> = fc.record({
  outcomes: fc.array(outcome, { maxLength: 5 }),
  fault: fc.option(
    fc.record({
      kind: fc.constantFrom("threw" as const, "died" as const, "stalled" as const),
      index: fc.nat({ max: 300 }),
      error: text,
    }),
    { nil: undefined },
  ),
});

it("gives back every command as it was packed", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 5 }), (commands) => {
      expect(unpackCommands(packCommands(commands))).toEqual(commands);
    }),
  );
});

it("gives back every decision as it was packed", () => {
  fc.assert(
    fc.property(decision, (given) => {
      expect(unpackDecision(packDecision(given))).toEqual(given);
    }),
  );
});

it("gives the rules bytes of their own, so that state keeps no batch in memory", () => {
  const bytes = (fill: number): Uint8Array => new Uint8Array(16).fill(fill);
  const [read] = unpackCommands(
    packCommands(
      Array.from({ length: 100 }, () => ({
        keyText: "861f1d48fffffff",
        type: "cmd.hex.gather",
        payload: bytes(1),
        sender: 1,
        accountId: bytes(2),
        sessionId: bytes(3),
        volatileSeq: 0n,
      })),
    ),
  );
  for (const part of [read!.payload, read!.accountId!, read!.sessionId!]) {
    expect(part.buffer.byteLength).toBe(16);
  }
});
