import { sha256 } from "@hexhold/messaging";
import { expect, it } from "vitest";
import { createRecentAnswers } from "./recent-answers.ts";

const keyOf = (n: number) => sha256(Buffer.from(String(n)));
const resultOf = (n: number) => ({
  payloadHash: new Uint8Array(32).fill(n % 251),
  answer: Uint8Array.of(n % 256, n >> 8),
});
const plain = (bytes: Uint8Array | undefined) => [...(bytes ?? [])];

it("gives back the hash and the answer of a command, whatever their bytes", () => {
  const recent = createRecentAnswers();
  recent.set(keyOf(1), {
    payloadHash: new Uint8Array(32).fill(0xff),
    answer: Uint8Array.of(0, 0x80, 0xff),
  });
  const found = recent.get(keyOf(1));
  expect(plain(found?.payloadHash)).toEqual(Array.from({ length: 32 }, () => 0xff));
  expect(plain(found?.answer)).toEqual([0, 0x80, 0xff]);
  expect(recent.get(keyOf(2))).toBeUndefined();
});

it("keeps the last 8,192 at least, forgets what is older than 16,384, and never grows beyond", () => {
  const recent = createRecentAnswers();
  for (let n = 0; n < 40_000; n++) {
    recent.set(keyOf(n), resultOf(n));
    if (n % 1000 !== 0) continue;
    for (const behind of [0, 1, 8_191]) {
      const found = behind <= n ? recent.get(keyOf(n - behind)) : resultOf(n - behind);
      expect(plain(found?.answer), `${n} - ${behind}`).toEqual(plain(resultOf(n - behind).answer));
    }
    if (n >= 16_384) expect(recent.get(keyOf(n - 16_384))).toBeUndefined();
  }
});

it("tells keys apart that differ in one bit, wherever it is", () => {
  const recent = createRecentAnswers();
  const keys = Array.from({ length: 256 }, (_, bit) => {
    const key = new Uint8Array(32).fill(0xff);
    key[bit >> 3]! ^= 1 << (bit & 7);
    return key;
  });
  for (const [n, key] of keys.entries()) recent.set(key, resultOf(n));
  for (const [n, key] of keys.entries()) {
    expect(plain(recent.get(key)?.answer)).toEqual(plain(resultOf(n).answer));
  }
  expect(recent.get(new Uint8Array(32).fill(0xff))).toBeUndefined();
});

it("the last answer of a key counts, and what was given out before stays as it was", () => {
  const recent = createRecentAnswers();
  // Until its memory has grown to what it needs and is written again.
  for (let n = 1; n < 40_000; n++) recent.set(keyOf(n), resultOf(n));
  recent.set(keyOf(0), resultOf(1));
  const before = recent.get(keyOf(0));
  recent.set(keyOf(0), resultOf(2));
  for (let n = 40_000; n < 60_000; n++) recent.set(keyOf(n), resultOf(n));
  recent.set(keyOf(0), resultOf(3));
  expect(plain(before?.answer)).toEqual(plain(resultOf(1).answer));
  expect(plain(recent.get(keyOf(0))?.answer)).toEqual(plain(resultOf(3).answer));
});

it("forgets earlier what is large", () => {
  const recent = createRecentAnswers();
  const large = { payloadHash: new Uint8Array(32), answer: new Uint8Array(1 << 20) };
  for (let n = 0; n < 20; n++) recent.set(keyOf(n), large);
  expect(recent.get(keyOf(19))?.answer).toHaveLength(1 << 20);
  expect(recent.get(keyOf(11))).toBeDefined();
  expect(recent.get(keyOf(0))).toBeUndefined();
});
