import { create } from "@bufbuild/protobuf";
import { GatheredSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { Resource } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { creditOfGathered } from "./credit-of-gathered.ts";
import { amountMax, mint } from "./ledger-transaction.ts";

const playerId = new Uint8Array(16).fill(7);
const eventId = new Uint8Array(16).fill(9);
const gathered = (fields: { playerId?: Uint8Array; resource?: Resource; amount?: bigint }) =>
  create(GatheredSchema, { playerId, resource: Resource.WOOD, amount: 3n, atMs: 5n, ...fields });

describe("the credit of what was gathered", () => {
  it("mints as much for the player, under the id of the event", () => {
    expect(creditOfGathered(eventId, gathered({ resource: Resource.STONE }))).toEqual({
      transactionId: eventId,
      kind: "gathered",
      atMs: 5n,
      postings: [
        { holder: { kind: "mint" }, asset: "stone", amount: -3n },
        { holder: { kind: "player", accountId: playerId }, asset: "stone", amount: 3n },
      ],
    });
  });

  it("is refused for a player, a resource or an amount that is none", () => {
    const faults: readonly Parameters<typeof gathered>[0][] = [
      { playerId: new Uint8Array(0) },
      { resource: 0 },
      { resource: 99 as Resource },
      { amount: 0n },
      { amount: -1n },
    ];
    for (const fields of faults) {
      expect(() => creditOfGathered(eventId, gathered(fields))).toThrow(/bytes|unknown|minted/);
    }
  });
});

it("whatever is minted sums to zero and leaves the player with all of it", () => {
  const cause = { transactionId: eventId, kind: "test", atMs: 0n };
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: amountMax }), (amount) => {
      const { postings } = mint(cause, playerId, "wood", amount);
      expect(postings.reduce((sum, posting) => sum + posting.amount, 0n)).toBe(0n);
      expect(postings.find(({ holder }) => holder.kind === "player")?.amount).toBe(amount);
    }),
  );
  expect(() => mint(cause, playerId, "wood", amountMax + 1n)).toThrow(RangeError);
});
