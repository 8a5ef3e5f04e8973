import { create } from "@bufbuild/protobuf";
import { GatheredSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { describe, expect, it } from "vitest";
import { creditOfGathered } from "./ledger.ts";

const playerId = new Uint8Array(16).fill(7);
const gathered = (fields: { playerId?: Uint8Array; resource?: Resource; amount?: bigint }) =>
  create(GatheredSchema, { playerId, resource: Resource.WOOD, amount: 3n, atMs: 5n, ...fields });

describe("the credit of what was gathered", () => {
  it("mints as much for the player", () => {
    expect(creditOfGathered(gathered({ resource: Resource.STONE }))).toEqual({
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
      expect(() => creditOfGathered(gathered(fields))).toThrow(/bytes|unknown|minted/);
    }
  });
});
