import { expect, test } from "vitest";
import { hashPassword, isOutdatedHash, verifyPassword } from "./password-hash.ts";

const cheap = { memory: 64, passes: 1, parallelism: 1 };

test("a hash knows its password and no other, and tells nothing of it", async () => {
  const hash = await hashPassword("correct horse", cheap);
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=64,t=1,p=1\$[^$=]{22}\$[^$=]{43}$/);
  expect(hash).not.toContain("horse");
  expect(await verifyPassword(hash, "correct horse")).toBe(true);
  expect(await verifyPassword(hash, "correct horsf")).toBe(false);
  expect(await hashPassword("correct horse", cheap)).not.toBe(hash);
});

test("the vector of another implementation verifies", async () => {
  // The reference implementation's own test (phc-winner-argon2, src/test.c): 2^16 KiB, 2 passes.
  const hash =
    "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
  expect(await verifyPassword(hash, "password")).toBe(true);
  expect(await verifyPassword(hash, "passwore")).toBe(false);
});

test("nobody's password is never right, and takes the time of somebody's", async () => {
  const timed = async (hash: string | undefined): Promise<number> => {
    const fromMs = performance.now();
    expect(await verifyPassword(hash, "anything")).toBe(false);
    return performance.now() - fromMs;
  };
  const known = await hashPassword("correct horse");
  const [unknownMs, knownMs] = [await timed(undefined), await timed(known)];
  expect(unknownMs).toBeGreaterThan(knownMs / 5);
});

test("a hash of another cost is outdated; what is no hash is an error", async () => {
  const hash = await hashPassword("correct horse", cheap);
  expect([isOutdatedHash(hash), isOutdatedHash(hash, cheap)]).toEqual([true, false]);
  await expect(verifyPassword("plain", "plain")).rejects.toThrow(/no argon2id/);
});
