import { create } from "@bufbuild/protobuf";
import { NotResidentDetailSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { HexStateSchema, Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { expect, it } from "vitest";
import { whereIs } from "./player-report.ts";
import { placesOf, readableMessage } from "./readable-message.ts";

const anna = new Uint8Array(16).fill(0xa);
const bert = new Uint8Array(16).fill(0xb);
const state = create(HexStateSchema, {
  owner: bert,
  stocks: [{ resource: Resource.WOOD, amount: 7n }],
  residents: [
    { playerId: bert, online: true },
    { playerId: anna, sinceMs: 5n },
  ],
  spawned: [anna],
});
const annaText = "0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a";

it("ids, cells, amounts and enums are shown as people write them, and what is not set is left out", () => {
  expect(readableMessage(HexStateSchema, state)).toMatchObject({
    stocks: [{ resource: "RESOURCE_WOOD", amount: "7" }],
    residents: [{ online: true }, { player_id: annaText, since_ms: "5" }],
    spawned: [annaText],
  });
  const detail = create(NotResidentDetailSchema, { wentToHexId: 0x861f1d48fffffffn });
  expect(readableMessage(NotResidentDetailSchema, detail)).toEqual({
    went_to_hex_id: "861f1d48fffffff",
  });
});

it("an id is found wherever a message has it, with what stands around it", () => {
  expect(placesOf(HexStateSchema, state, anna)).toEqual([
    {
      field: "residents",
      path: "residents[1].player_id",
      around: { player_id: annaText, since_ms: "5" },
    },
    { field: "spawned", path: "spawned[0]", around: annaText },
  ]);
  expect(placesOf(HexStateSchema, state, bert).map(({ path }) => path)).toEqual([
    "owner",
    "residents[0].player_id",
  ]);
  expect(placesOf(HexStateSchema, state, new Uint8Array(16))).toEqual([]);
});

it("where a player is, is said by the lists that name it, and two homes are a fault", () => {
  const named = (field: string, key = "a") => ({
    key,
    places: [{ field, path: field, around: annaText }],
  });
  expect(whereIs([named("spawned"), named("residents", "b")], undefined)).toBe(
    `lives in b "${annaText}"`,
  );
  expect(whereIs([named("transits")], undefined)).toContain("in transit, says a");
  expect(whereIs([named("residents"), named("residents", "b")], undefined)).toMatch(/^FAULT/);
  expect(whereIs([named("spawned")], { owedTo: null })).toBe("in no hex");
  expect(whereIs([], { owedTo: "c" })).toBe("to be brought into the world in c");
});
