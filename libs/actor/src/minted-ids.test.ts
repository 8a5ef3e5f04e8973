import { expect, it } from "vitest";
import type { DecideContext } from "./game.ts";
import { mintedIdsMax, mintId, uuidText } from "./minted-ids.ts";

const context = (nowMs: number, byte: number): DecideContext =>
  ({ nowMs, random: new Uint8Array(16).fill(byte) }) as unknown as DecideContext;

it("mints UUIDv7 of world time that differ within a decision and between decisions", () => {
  const nowMs = 0x0123_4567_89ab;
  expect(uuidText(mintId(context(nowMs, 0xff)))).toBe("01234567-89ab-7000-bfff-ffffffffffff");
  expect(uuidText(mintId(context(nowMs, 0), 0xabc))).toBe("01234567-89ab-7abc-8000-000000000000");
  const ids = Array.from({ length: mintedIdsMax }, (_, nth) => mintId(context(nowMs, 1), nth));
  expect(new Set(ids.map(uuidText)).size).toBe(mintedIdsMax);
});

it("mints no more than so many, and no part of one", () => {
  for (const nth of [-1, 0.5, mintedIdsMax]) {
    expect(() => mintId(context(1, 1), nth)).toThrow("a decision mints ids 0…4095");
  }
});
