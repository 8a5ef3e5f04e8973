import fc from "fast-check";
import { expect, test } from "vitest";
import { judgeRefresh, type PresentedToken, repeatMsMax } from "./refresh-rules.ts";

const nowMs = 1_000_000;
const fresh: PresentedToken = {
  expiresMs: nowMs + 1,
  used: undefined,
  loginEnded: false,
  bannedUntilMs: undefined,
};
const used = { atMs: nowMs - repeatMsMax, requestId: "a" };

test("a fresh token is rotated", () => {
  expect(judgeRefresh(fresh, "a", nowMs)).toBe("rotate");
});

test("a used token is a theft, unless the request that used it is repeated within a minute", () => {
  expect(judgeRefresh({ ...fresh, used }, "b", nowMs)).toBe("theft");
  expect(judgeRefresh({ ...fresh, used }, "a", nowMs)).toBe("repeat");
  expect(judgeRefresh({ ...fresh, used }, "a", nowMs + 1)).toBe("bad-refresh-token");
  expect(judgeRefresh({ ...fresh, expiresMs: nowMs + 9, used }, "a", nowMs + 1)).toBe("theft");
});

test("a token that is unknown, has expired or belongs to an ended login is bad, and no theft", () => {
  expect(judgeRefresh(undefined, "a", nowMs)).toBe("bad-refresh-token");
  expect(judgeRefresh({ ...fresh, expiresMs: nowMs }, "a", nowMs)).toBe("bad-refresh-token");
  expect(judgeRefresh({ ...fresh, used, loginEnded: true }, "b", nowMs)).toBe("bad-refresh-token");
});

test("a ban holds until it ends, and hides no theft", () => {
  expect(judgeRefresh({ ...fresh, bannedUntilMs: nowMs + 1 }, "a", nowMs)).toBe("banned");
  expect(judgeRefresh({ ...fresh, bannedUntilMs: Infinity }, "a", nowMs)).toBe("banned");
  expect(judgeRefresh({ ...fresh, bannedUntilMs: nowMs }, "a", nowMs)).toBe("rotate");
  expect(judgeRefresh({ ...fresh, used, bannedUntilMs: Infinity }, "b", nowMs)).toBe("theft");
});

test("whatever the rest, another request never gets a token for a used one", () => {
  const token = fc.record({
    expiresMs: fc.nat(),
    used: fc.record({ atMs: fc.nat(), requestId: fc.constant("a") }),
    loginEnded: fc.boolean(),
    bannedUntilMs: fc.option(fc.nat(), { nil: undefined }),
  });
  fc.assert(
    fc.property(token, fc.nat(), (given, atMs) => {
      expect(["theft", "bad-refresh-token"]).toContain(judgeRefresh(given, "b", atMs));
    }),
  );
});
