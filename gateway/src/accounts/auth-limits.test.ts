import { expect, test } from "vitest";
import { AuthLimits } from "./auth-limits.ts";

const options = { perAddressPerMin: 3, perNamePerMin: 2, asksPerAccountPerMin: 2 };

test("a name has its limit from wherever it is tried, whatever its case", () => {
  const limits = new AuthLimits(options);
  const tries = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((address, n) =>
    limits.waitMs(address, n === 0 ? "Anna" : "anna", 0),
  );
  expect(tries).toEqual([0, 0, 30_000]);
  expect(limits.waitMs("10.0.0.4", "berta", 0)).toBe(0);
  expect(limits.waitMs("10.0.0.4", "anna", 30_000)).toBe(0);
});

test("an address has its limit whatever it asks for; another has its own", () => {
  const limits = new AuthLimits(options);
  const tries = ["a", "b", undefined, "d"].map((name) => limits.waitMs("10.0.0.1", name, 0));
  expect(tries).toEqual([0, 0, 0, 20_000]);
  expect(limits.waitMs("10.0.0.2", "a", 0)).toBe(0);
});

test("the addresses of one IPv6 network count as one", () => {
  const limits = new AuthLimits({ ...options, perAddressPerMin: 1 });
  expect(limits.waitMs("2001:db8:0:1::7", undefined, 0)).toBe(0);
  expect(limits.waitMs("2001:db8:0:1:2:3:4:5", undefined, 0)).toBeGreaterThan(0);
  expect(limits.waitMs("2001:db8:0:2::7", undefined, 0)).toBe(0);
});

test("an account has its limit of calls under its tokens, whatever its addresses do", () => {
  const limits = new AuthLimits({ ...options, perAddressPerMin: 1 });
  expect(limits.waitMs("10.0.0.1", undefined, 0)).toBe(0);
  expect([1, 2, 3].map(() => limits.askWaitMs("anna", 0))).toEqual([0, 0, 30_000]);
  expect(limits.askWaitMs("berta", 0)).toBe(0);
});
