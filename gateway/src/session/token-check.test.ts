import { UnsecuredJWT } from "jose";
import { expect, it } from "vitest";
import { claimedAccount } from "./token-check.ts";

const account = "01a205e9-4066-75d4-a65b-335845c5b501";

it("reads whose a token claims to be, in one spelling, and of no other text anything", () => {
  const token = new UnsecuredJWT({}).setSubject(account.toUpperCase()).encode();
  expect(claimedAccount(token)).toBe(account);
  const nobody = new UnsecuredJWT({}).setSubject("anna").encode();
  expect([claimedAccount(nobody), claimedAccount("t"), claimedAccount("a.b.c")]).toEqual([
    "",
    "",
    "",
  ]);
});
