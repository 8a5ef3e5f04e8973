import { Code } from "@connectrpc/connect";
import { expect, test } from "vitest";
import type { TokenClaims } from "../session/token-check.ts";
import { TokenError } from "../session/token-check.ts";
import { createCheckAsker } from "./check-asker.ts";
import { AuthLimits } from "./auth-limits.ts";

const claims = {
  accountText: "anna",
  loginId: "login-1",
} as TokenClaims;

/** What is asked with `token`; what may differ is given. */
function asker(given: Partial<Parameters<typeof createCheckAsker>[0]> = {}) {
  const checked: string[] = [];
  const check = createCheckAsker({
    checkToken(token) {
      checked.push(token);
      return token === "good"
        ? Promise.resolve(claims)
        : Promise.reject(new TokenError("expired-token", "the access token has expired"));
    },
    revocations: { check: () => undefined },
    newcomers: { takeTokenCheck: () => 0 },
    limits: new AuthLimits({ perAddressPerMin: 1, perNamePerMin: 1, asksPerAccountPerMin: 2 }),
    worldNow: () => 0,
    ...given,
  });
  return { check, checked };
}

test("who has a good token may ask, as often as its account may and no oftener", async () => {
  const { check } = asker();
  const asked = [];
  for (let n = 0; n < 3; n++) asked.push(await check("good", `10.0.0.${n}`));
  expect(asked.slice(0, 2)).toEqual([undefined, undefined]);
  expect(asked[2]).toMatchObject({ code: Code.ResourceExhausted, reason: "rate-limited" });
  expect(asked[2]?.retryAfterMs).toBeGreaterThan(0);
});

test("who has none, or one of a banned account or an ended login, is told which", async () => {
  expect(await asker().check("bad", "10.0.0.1")).toMatchObject({
    code: Code.Unauthenticated,
    reason: "expired-token",
    retryAfterMs: 0,
  });
  for (const [reason, code] of [
    ["banned", Code.PermissionDenied],
    ["logged-out", Code.Unauthenticated],
  ] as const) {
    const { check } = asker({ revocations: { check: () => reason } });
    expect(await check("good", "10.0.0.1")).toMatchObject({ code, reason });
  }
  const unknown = asker({
    checkToken: () => Promise.reject(new TokenError("keys-unknown", "nobody answers")),
  });
  expect(await unknown.check("good", "10.0.0.1")).toMatchObject({
    code: Code.Unavailable,
    reason: "keys-unknown",
    retryAfterMs: 1000,
  });
});

test("an address beyond its checks of tokens costs no signature", async () => {
  const { check, checked } = asker({ newcomers: { takeTokenCheck: () => 250 } });
  expect(await check("good", "10.0.0.1")).toMatchObject({
    reason: "rate-limited",
    retryAfterMs: 250,
  });
  expect(checked).toEqual([]);
});
