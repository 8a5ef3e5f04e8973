import { create } from "@bufbuild/protobuf";
import { GatheredSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { expect, it } from "vitest";
import { compareLedger, type LedgerRow } from "./ledger-differences.ts";

const account = "01a10000-0000-7000-8000-000000000001";
const playerId = Uint8Array.from(Buffer.from(account.replaceAll("-", ""), "hex"));
const gathered = (resource: Resource, amount: bigint) =>
  create(GatheredSchema, { playerId, resource, amount });
const events = [
  gathered(Resource.WOOD, 2n),
  gathered(Resource.WOOD, 3n),
  gathered(Resource.STONE, 1n),
];
const wood: LedgerRow = { item: `${account} wood`, balance: "5", posted: "5" };
const stone: LedgerRow = { item: `${account} stone`, balance: "1", posted: "1" };

it("finds nothing where postings and balance are the sum of what was gathered", () => {
  expect(compareLedger(events, [wood, stone])).toEqual({ gathered: 2, differing: [] });
});

it("finds what is credited too little, too much, not at all, or without a reason", () => {
  const differing = (rows: readonly LedgerRow[]) => compareLedger(events, rows).differing;
  expect(differing([{ ...wood, balance: "4", posted: "4" }, stone])).toEqual([wood.item]);
  expect(differing([{ ...wood, balance: "6" }, stone])).toEqual([wood.item]);
  expect(differing([wood, { ...stone, posted: "2" }])).toEqual([stone.item]);
  expect(differing([wood])).toEqual([stone.item]);
  const food: LedgerRow = { item: `${account} food`, balance: "1", posted: "1" };
  expect(differing([wood, stone, food])).toEqual([food.item]);
});
