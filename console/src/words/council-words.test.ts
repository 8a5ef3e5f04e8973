import { create } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import {
  Cause,
  ElectionSchema,
  ElectionState,
  StandSchema,
} from "@hexhold/gen/hexhold/governance/v1/commands_pb";
import fc from "fast-check";
import { expect, test } from "vitest";
import { causeWords, resultWords, standFault, turnoutWords } from "./council-words.ts";

test("what a candidate says is faulted before it is sent exactly when its contract would", () => {
  const validator = createValidator();
  const election = "01890a5d-ac96-774b-bcce-b302099a8057";
  const character = fc.constantFrom(
    ..."a < & é 😀 \n \t \u007f \u0085 \u200e \u200f \u2028 \u202e \u2066 \u2069 \u206a".split(" "),
    " ",
  );
  const words = fc.oneof(
    fc.string({ unit: character, maxLength: 6 }),
    fc.integer({ min: 198, max: 202 }).map((length) => "😀".repeat(length)),
  );
  fc.assert(
    fc.property(words, (text) => {
      const stand = create(StandSchema, { election, words: text });
      const isTaken = validator.validate(StandSchema, stand).kind === "valid";
      expect(standFault(text) === undefined).toBe(isTaken);
    }),
    { numRuns: 1_000 },
  );
});

test("an election says why it is held, who has voted and how it ended", () => {
  const election = (init: object) => create(ElectionSchema, init);
  expect(causeWords(Cause.TERM_OVER)).toContain("is over");
  expect(causeWords(9 as Cause)).toContain("elected");
  const open = election({ electors: 4, turnoutHeads: 2, turnoutWeight: 30n, weight: 40n });
  expect(turnoutWords(open)).toBe("2 of 4 electors have voted, with 75 % of the weight.");
  expect(turnoutWords(election({}))).toContain("0 %");
  expect(resultWords(election({ state: ElectionState.WON }), "Ada")).toBe("Ada was elected");
  const failures = ["no-votes", "heads", "quorum", "tie", "a-new-one"].map((failure) =>
    resultWords(election({ state: ElectionState.FAILED, failure }), ""),
  );
  expect(new Set(failures).size).toBe(5);
});
