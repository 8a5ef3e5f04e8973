import { expect, it } from "vitest";
import { amountMax, mint } from "./ledger.ts";

const accountId = new Uint8Array(16).fill(7);

it("a mint is refused for an amount outside of what a posting moves, and for an account that is none", () => {
  expect(mint(accountId, "wood", amountMax)[1]).toEqual({
    holder: { kind: "player", accountId },
    asset: "wood",
    amount: amountMax,
  });
  expect(() => mint(accountId, "wood", amountMax + 1n)).toThrow(RangeError);
  expect(() => mint(accountId, "wood", 0n)).toThrow(RangeError);
  expect(() => mint(new Uint8Array(15), "wood", 1n)).toThrow(TypeError);
});
