import { amountMax, mint, type Posting } from "@hexhold/actor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkPostings } from "./check-postings.ts";

const player = (n: number, amount: bigint, asset = "wood"): Posting => ({
  holder: { kind: "player", accountId: new Uint8Array(16).fill(n) },
  asset,
  amount,
});
const nobody = (kind: "mint" | "burn", amount: bigint, asset = "wood"): Posting => ({
  holder: { kind },
  asset,
  amount,
});
const check = (postings: readonly Posting[]): void => checkPostings("an entry", postings);

describe("postings that the ledger takes", () => {
  it.each<[string, readonly Posting[]]>([
    ["a mint", mint(new Uint8Array(16), "wood", amountMax)],
    ["a move between players", [player(1, -5n), player(2, 5n)]],
    ["what is burnt", [player(1, -5n), nobody("burn", 5n)]],
    [
      "an exchange of two assets",
      [player(1, -5n), player(2, 5n), player(1, 2n, "iron-ore"), player(2, -2n, "iron-ore")],
    ],
    ["the least int64", [nobody("mint", -(2n ** 63n)), player(1, amountMax), player(2, 1n)]],
    ["the longest name", mint(new Uint8Array(16), "a".repeat(64), 1n)],
  ])("%s", (_what, postings) => {
    expect(() => check(postings)).not.toThrow();
  });
});

describe("postings that it does not take are said with their place", () => {
  it.each<[string, readonly Posting[], string]>([
    [
      "an amount of 0",
      [player(1, 0n)],
      "an entry: posting 1 of 1: 0 wood is no amount: expected an int64 other than 0",
    ],
    [
      "an amount above int64",
      [nobody("mint", -5n), player(1, amountMax + 1n)],
      "an entry: posting 2 of 2: 9223372036854775808 wood is no amount: expected an int64 other than 0",
    ],
    [
      "an amount below int64",
      [nobody("mint", -(2n ** 63n) - 1n)],
      "an entry: posting 1 of 1: -9223372036854775809 wood is no amount: expected an int64 other than 0",
    ],
    [
      "an account that is none",
      [{ ...player(1, 1n), holder: { kind: "player", accountId: new Uint8Array(4) } }],
      "an entry: posting 1 of 1: an account has 16 bytes, not 4",
    ],
    ...["", "Wood", "iron_ore", "-wood", "wood-", "1st", "a".repeat(65)].map(
      (asset): [string, readonly Posting[], string] => [
        `the asset ${JSON.stringify(asset)}`,
        mint(new Uint8Array(16), asset, 1n),
        `an entry: posting 1 of 2: "${asset}" is no asset: expected a name in kebab-case of at most 64 characters`,
      ],
    ),
    [
      "a holder twice",
      [player(1, 1n), player(1, 1n), nobody("mint", -2n)],
      "an entry: posting 2 of 3: 01010101-0101-0101-0101-010101010101 wood has a posting already",
    ],
    [
      "more given than taken",
      [player(1, 5n), nobody("mint", -4n)],
      "an entry: its postings of wood add up to 1, not 0",
    ],
    [
      "one asset for another",
      [player(1, 5n, "wood"), nobody("mint", -5n, "stone")],
      "an entry: its postings of wood add up to 5, not 0",
    ],
  ])("%s", (_what, postings, message) => {
    expect(() => check(postings)).toThrow(new RangeError(message));
  });
});

it("whatever is minted is taken, and leaves the player with all of it", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: amountMax }), (amount) => {
      const postings = mint(new Uint8Array(16).fill(7), "wood", amount);
      check(postings);
      expect(postings.find(({ holder }) => holder.kind === "player")?.amount).toBe(amount);
    }),
  );
});
