import { create } from "@bufbuild/protobuf";
import { ReadableViewSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { HexViewSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { type Key, keyText } from "@hexhold/hex";
import { expect, test } from "vitest";
import { createHexIndex, isSeen, type WorldView } from "./hex-index.ts";

const key: Key = { hexId: 1n, layerId: 0 };
const text = keyText(key);
const event = {
  type: "evt.hex.player-left",
  messageVersion: 1,
  payload: new Uint8Array(0),
  tsMs: 0,
  hexVersion: 2,
  viewSeq: 2,
};

function state(view: WorldView) {
  return { kind: "state", key, seen: { view, viewSeq: 1, hexVersion: 1 } } as const;
}

test("a hex is known by the view of the reference game, or by its document", () => {
  const index = createHexIndex();
  expect(isSeen(index.get(text))).toBe(false);
  const view = create(HexViewSchema, { level: 3 });
  index.take(state(view));
  expect(index.get(text)).toEqual({ view, document: undefined, hexVersion: 1, mode: "live" });
  index.take(state(create(ReadableViewSchema, { json: "{}" })));
  expect(index.get(text)).toMatchObject({ view: undefined, document: "{}", mode: "live" });
  expect(isSeen(index.get(text))).toBe(true);
});

test("a document stays as it is until the state that an event asks for; a gap is shown", () => {
  const index = createHexIndex();
  index.take({ kind: "stale", key, cause: "connection" });
  expect(index.get(text).mode).toBe("loading");
  index.take(state(create(ReadableViewSchema, { json: "{}" })));
  index.take({ kind: "stale", key, cause: "event", event });
  expect(index.get(text)).toMatchObject({ document: "{}", mode: "live" });
  index.take({ kind: "stale", key, cause: "hole" });
  expect(index.get(text)).toMatchObject({ document: "{}", mode: "stale" });
});
