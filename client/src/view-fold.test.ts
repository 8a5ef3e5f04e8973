import { create } from "@bufbuild/protobuf";
import {
  type EnterResult,
  EnterResultSchema,
  LocateResultSchema,
  ReadableViewSchema,
} from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { expect, test } from "vitest";
import { onlineBytes, onlineView } from "../test/online-view.ts";
import { readableView } from "./readable-view.ts";
import { oneOf, type SeenEvent, viewContractOf, type ViewFold } from "./view-fold.ts";

const event: SeenEvent = {
  type: "evt.hex.player-entered",
  messageVersion: 1,
  payload: new Uint8Array(0),
  tsMs: 0,
  hexVersion: 2,
  viewSeq: 2,
};
const readable = create(ReadableViewSchema, { json: "{}" });
const online = create(EnterResultSchema, { online: 3 });

test("what a view is stands in the message's own option", () => {
  expect(viewContractOf(ReadableViewSchema)).toEqual({
    type: "hexhold.hex.v1.ReadableView",
    version: 1,
  });
  expect(() => viewContractOf(LocateResultSchema)).toThrow("LocateResult is no view");
});

test("no event tells what becomes of a readable document", () => {
  expect(readableView.apply(readable, event)).toBeUndefined();
  expect(readableView.agrees?.(readable, create(ReadableViewSchema, { json: "{}" }))).toBe(true);
  expect(readableView.agrees?.(readable, create(ReadableViewSchema, { json: "[]" }))).toBe(false);
});

test("a fold of several games gives each view to the fold that reads its type", () => {
  const { reads, ...fold } = oneOf(onlineView, readableView);
  expect(reads).toEqual([...onlineView.reads, ...readableView.reads]);
  expect(fold.decode(onlineBytes(3), EnterResultSchema.typeName)).toEqual(online);
  expect(fold.apply(online, event)).toMatchObject({ online: 4 });
  expect(fold.apply(readable, event)).toBeUndefined();
  expect(fold.agrees?.(online, create(EnterResultSchema, { online: 4 }))).toBe(false);
  expect(fold.agrees?.(online, create(EnterResultSchema, { online: 3 }))).toBe(true);
  const uncompared: ViewFold<EnterResult> = { ...onlineView };
  delete uncompared.agrees;
  const lenient = oneOf(uncompared, readableView);
  expect(lenient.agrees?.(online, create(EnterResultSchema, { online: 4 }))).toBe(true);
  expect(lenient.agrees?.(readable, online)).toBe(false);
});

test("a fold of several games takes no view that it cannot tell", () => {
  const fold = oneOf(onlineView, readableView);
  expect(() => fold.decode(new Uint8Array(0), "")).toThrow("the type of the view is not known");
  expect(() => fold.decode(new Uint8Array(0), "other.v1.Board")).toThrow("no fold reads other");
  expect(() => oneOf(readableView, readableView)).toThrow("two folds read hexhold.hex.v1.Read");
});
