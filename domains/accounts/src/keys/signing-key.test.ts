import { expect, test } from "vitest";
import { type SigningKey, signingOne, stillValid, withNewer } from "./signing-key.ts";

const key = (kid: string, createdMs: number): SigningKey => ({
  kid,
  createdMs,
  publicKey: "x",
  privateKey: "d",
});
const kids = (keys: readonly SigningKey[]): string[] => keys.map(({ kid }) => kid);

test("the newest signs; an older one stays valid for as long as its tokens may live", () => {
  const one = [key("a", 0)];
  const two = withNewer(one, key("b", 1000), 1000);
  const three = withNewer(two, key("c", 1500), 1500);
  expect([one, two, three].map((keys) => signingOne(keys).kid)).toEqual(["a", "b", "c"]);
  expect(kids(stillValid(three, 1999, 1000))).toEqual(["a", "b", "c"]);
  expect(kids(stillValid(three, 2000, 1000))).toEqual(["b", "c"]);
  expect(kids(stillValid(three, 2_000_000, 1000))).toEqual(["c"]);
  expect(() => signingOne([])).toThrow(/no key/);
});
