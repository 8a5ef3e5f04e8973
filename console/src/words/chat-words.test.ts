import { create } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { Channel, SaySchema } from "@hexhold/gen/hexhold/chat/v1/commands_pb";
import fc from "fast-check";
import { expect, test } from "vitest";
import { chatFault } from "./chat-words.ts";

test("a text is faulted before it is sent exactly when its contract would", () => {
  const validator = createValidator();
  const text = fc
    .tuple(fc.constantFrom("a", "é", "😀", "ไ"), fc.integer({ min: 0, max: 345 }))
    .map(([character, length]) => character.repeat(length));
  fc.assert(
    fc.property(text, (given) => {
      const say = create(SaySchema, { channel: Channel.WORLD, text: given });
      const isTaken = validator.validate(SaySchema, say).kind === "valid";
      expect(chatFault(given) === undefined).toBe(isTaken);
    }),
    { numRuns: 500 },
  );
});
