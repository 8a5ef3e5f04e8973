import { expect, it } from "vitest";
import { createRecentAnswers } from "./recent-answers.ts";

const resultOf = (n: number) => ({
  payloadHash: new Uint8Array(32).fill(n % 251),
  answer: Uint8Array.of(n % 256, n >> 8),
});

it("gives back the hash and the answer of a command, whatever their bytes", () => {
  const recent = createRecentAnswers();
  recent.set("a", {
    payloadHash: new Uint8Array(32).fill(0xff),
    answer: Uint8Array.of(0, 0x80, 0xff),
  });
  const found = recent.get("a");
  expect([...found!.payloadHash]).toEqual(Array.from({ length: 32 }, () => 0xff));
  expect([...found!.answer]).toEqual([0, 0x80, 0xff]);
  expect(recent.get("b")).toBeUndefined();
});

it("keeps the last 8,192 at least, forgets what is older than 16,384, and never grows beyond", () => {
  const recent = createRecentAnswers();
  for (let n = 0; n < 40_000; n++) {
    recent.set(String(n), resultOf(n));
    if (n % 1000 !== 0) continue;
    for (const behind of [0, 1, 8_191]) {
      if (behind <= n) expect(recent.get(String(n - behind)), `${n} - ${behind}`).toBeDefined();
    }
    if (n >= 16_384) expect(recent.get(String(n - 16_384))).toBeUndefined();
  }
  expect(Buffer.from(recent.get("39999")!.answer)).toEqual(Buffer.from(resultOf(39_999).answer));
});
