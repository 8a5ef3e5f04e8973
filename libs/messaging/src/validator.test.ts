import { create } from "@bufbuild/protobuf";
import { RegisterSchema } from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import { GatherSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { compiledValidator, ruleFault } from "./validator.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("refuses what breaks a rule before the rules of plain messages are compiled, and after", () => {
  const validator = compiledValidator([GatherSchema, RegisterSchema]);
  const bad = create(GatherSchema, { amount: 0n });
  const fault = ruleFault(validator.validate(GatherSchema, bad));
  expect(fault).toMatch(/amount/);
  expect(ruleFault(validator.validate(RegisterSchema, create(RegisterSchema)))).toMatch(/name/);
  vi.advanceTimersByTime(60_000);
  expect(ruleFault(validator.validate(GatherSchema, bad))).toBe(fault);
  expect(vi.getTimerCount()).toBe(0);
});
