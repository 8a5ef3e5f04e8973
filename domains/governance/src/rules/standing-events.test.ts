import { bareGame } from "./bare-game.testing.ts";
import { expect, it } from "vitest";
import { checkContributions, standingEventsOf } from "./standing-events.ts";

it("asks no game of what hexes say by themselves", () => {
  expect(standingEventsOf(bareGame)).toEqual([]);
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
