import { expect, it } from "vitest";
import { Newcomers } from "./newcomers.ts";

const options = { newcomersMax: 3, newcomersPerAddressMax: 2, tokenChecksPerAddressPerS: 1 };

it("takes no more of an address than it may have, and ends the oldest of all when there are too many", () => {
  const newcomers = new Newcomers(options);
  const ended: string[] = [];
  const enter = (address: string): (() => void) => {
    const leave = newcomers.enter(address, () => {
      ended.push(address);
      leave();
    });
    return leave;
  };
  enter("2001:db8::1");
  const second = enter("2001:db8::2");
  expect([newcomers.isFull("2001:db8::3"), newcomers.isFull("10.0.0.1")]).toEqual([true, false]);
  enter("10.0.0.1");
  enter("10.0.0.2");
  expect([ended, newcomers.count]).toEqual([["2001:db8::1"], 3]);
  second();
  second();
  expect([newcomers.count, newcomers.isFull("2001:db8::3")]).toEqual([2, false]);
});

it("bounds the tokens that are checked for an address, whatever its connections", () => {
  const newcomers = new Newcomers(options);
  const checks = Array.from({ length: 6 }, () => newcomers.takeTokenCheck("10.0.0.1", 0));
  expect(checks).toEqual([0, 0, 0, 0, 0, 1000]);
  expect(newcomers.takeTokenCheck("10.0.0.2", 0)).toBe(0);
  expect(newcomers.takeTokenCheck("10.0.0.1", 1000)).toBe(0);
});
