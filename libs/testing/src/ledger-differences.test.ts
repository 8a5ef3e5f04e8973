import { create, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { GatheredSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import {
  GoodsReturnedSchema,
  TakeAskedSchema,
  TakeEnd,
  TakeEndedSchema,
} from "@hexhold/gen/hexhold/takes/v1/takes_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { expect, it } from "vitest";
import { compareLedger, type LedgerRow } from "./ledger-differences.ts";

const account = "01a10000-0000-7000-8000-000000000001";
const playerId = Uint8Array.from(Buffer.from(account.replaceAll("-", ""), "hex"));
const row = <T extends Message>(type: string, schema: GenMessage<T>, message: T) => ({
  type: `evt.hex.${type}`,
  payload: toBinary(schema, message),
});
const gathered = (resource: Resource, amount: bigint) =>
  row("gathered", GatheredSchema, create(GatheredSchema, { playerId, resource, amount }));
const events = [
  gathered(Resource.WOOD, 2n),
  gathered(Resource.WOOD, 3n),
  gathered(Resource.STONE, 1n),
];
const wood: LedgerRow = { item: `${account} wood`, balance: "5", posted: "5" };
const stone: LedgerRow = { item: `${account} stone`, balance: "1", posted: "1" };

it("finds nothing where postings and balance are the sum of what was gathered", () => {
  expect(compareLedger(events, [wood, stone])).toEqual({ items: 2, differing: [] });
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

it("counts what was given, what came back, and what is under way as not gone", () => {
  const id = (n: number): Uint8Array => new Uint8Array(16).fill(n);
  const asked = (n: number, amount: bigint) =>
    row(
      "take-asked",
      TakeAskedSchema,
      create(TakeAskedSchema, { takeId: id(n), accountId: playerId, asset: "wood", amount }),
    );
  const ended = (n: number, end: TakeEnd, giveId: Uint8Array = new Uint8Array(0)) =>
    row("take-ended", TakeEndedSchema, create(TakeEndedSchema, { takeId: id(n), end, giveId }));
  const gift = { giveId: id(9), accountId: playerId, asset: "wood", amount: 1n };
  const given = [
    asked(1, 2n),
    ended(1, TakeEnd.TAKEN),
    asked(2, 1n),
    ended(2, TakeEnd.REFUSED),
    asked(3, 1n),
    ended(3, TakeEnd.TAKEN, id(8)),
    asked(4, 5n),
    row("goods-returned", GoodsReturnedSchema, create(GoodsReturnedSchema, { gifts: [gift] })),
  ];
  const left: LedgerRow = { ...wood, balance: "4", posted: "4" };
  expect(compareLedger([...events, ...given], [left, stone])).toEqual({ items: 2, differing: [] });
  expect(compareLedger([...events, ...given], [wood, stone]).differing).toEqual([wood.item]);
});
