import { bareGame } from "./bare-game.testing.ts";
import { messageFile } from "@hexhold/testing/message-file";
import { expect, it } from "vitest";
import { checkContributions, standingEventsOf } from "./standing-events.ts";

it("asks no game of what hexes say by themselves", () => {
  expect(standingEventsOf(bareGame)).toEqual([]);
});

it("refuses a game that says of an event that it is for governance, and not what it is worth", () => {
  const contract = { type: "evt.hex.done", version: 1, consumers: ["governance"] };
  const done = messageFile([{ name: "Done", contract }]);
  const game = { ...bareGame, descriptors: [...bareGame.descriptors, done] };
  expect(() => standingEventsOf(game)).toThrow(
    "the game bare sends evt.hex.done to governance, and has no standing",
  );
  const [event] = standingEventsOf({ ...game, standing: () => [] });
  expect(event).toMatchObject({ type: "evt.hex.done", schema: done.messages[0] });
});

it("takes contributions of accounts alone, of 1 to 10¹² points", () => {
  const given = { accountId: new Uint8Array(16), value: 10n ** 12n, atMs: 0n };
  const check = (fields: Partial<typeof given>) => () =>
    checkContributions("evt.hex.done", [given, { ...given, ...fields }]);
  expect(check({ value: 1n })()).toHaveLength(2);
  for (const fields of [
    { value: 0n },
    { value: -1n },
    { value: 10n ** 12n + 1n },
    { atMs: -1n },
    { accountId: new Uint8Array(15) },
  ]) {
    expect(check(fields)).toThrow("the standing of evt.hex.done is no contribution");
  }
});
