import { toBinary, create } from "@bufbuild/protobuf";
import { AuthErrorSchema } from "@hexhold/gen/hexhold/edge/v1/auth_pb";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Account, login, register, resumeLogin } from "./account.ts";

interface Sent {
  readonly method: string;
  readonly body: Record<string, string>;
}
type Reply = { readonly status: number; readonly body: unknown } | "lost";

let sent: Sent[];
let replies: Reply[];
beforeEach(() => {
  sent = [];
  replies = [];
  vi.stubGlobal("fetch", (url: URL, init: { body: string }) => {
    sent.push({ method: `${url.origin}${url.pathname}`, body: JSON.parse(init.body) as never });
    const reply = replies.shift() ?? "lost";
    return reply === "lost"
      ? Promise.reject(new Error("socket hang up"))
      : Promise.resolve(new Response(JSON.stringify(reply.body), { status: reply.status }));
  });
});
afterEach(() => vi.unstubAllGlobals());

const options = { url: "ws://gateway:7600/", retryMs: 1 };
const service = "http://gateway:7600/hexhold.edge.v1.AuthService";

/** A pair of tokens as a gateway gives it, the access token with `lifeS` to live. */
function pair(nth: number, lifeS = 900, residence = "861f1d48fffffff"): Reply {
  const iat = Math.floor(Date.now() / 1000);
  const accessToken = `e30.${btoa(JSON.stringify({ iat, nth })).replaceAll("=", "")}.sig`;
  const accessExpiresMs = String((iat + lifeS) * 1000);
  const tokens = {
    accountId: "id",
    accessToken,
    refreshToken: `r${nth}`,
    accessExpiresMs,
    residence,
  };
  return { status: 200, body: { tokens } };
}

function refusal(status: number, reason: string, retryAfterMs = 0): Reply {
  const value = toBinary(AuthErrorSchema, create(AuthErrorSchema, { reason, retryAfterMs }));
  const detail = { type: AuthErrorSchema.typeName, value: btoa(String.fromCharCode(...value)) };
  return { status, body: { code: "x", message: "why", details: [detail] } };
}

const nthOf = async (account: Account): Promise<unknown> =>
  (JSON.parse(atob((await account.token()).split(".")[1]!)) as { nth: number }).nth;

test("a fresh token is handed out as it is; one near its end is refreshed, once for all who ask", async () => {
  replies = [pair(1), pair(2, 80), pair(3)];
  const fresh = await register(options, "anna", "correct horse");
  expect(await nthOf(fresh)).toBe(1);
  expect(sent).toHaveLength(1);
  const old = await login(options, "anna", "correct horse");
  expect(await Promise.all([nthOf(old), nthOf(old)])).toEqual([3, 3]);
  expect(sent.map(({ method }) => method)).toEqual([
    `${service}/Register`,
    `${service}/Login`,
    `${service}/Refresh`,
  ]);
  expect(sent[2]?.body["refreshToken"]).toBe("r2");
});

test("a refresh whose answer was lost is repeated under the same request id", async () => {
  replies = ["lost", refusal(503, "accounts-down", 1000), pair(1)];
  expect(await nthOf(await resumeLogin(options, "r0"))).toBe(1);
  expect(new Set(sent.map(({ body }) => body["requestId"])).size).toBe(1);
  expect(sent).toHaveLength(3);
});

test("where one gateway is silent the next one is asked, and a refusal by one is that of all", async () => {
  const url = ["ws://first:1", "wss://second:2"];
  const hosts = () => sent.splice(0).map(({ method }) => new URL(method).origin);
  replies = ["lost", pair(1)];
  expect(await nthOf(await login({ url }, "anna", "correct horse"))).toBe(1);
  expect(hosts()).toEqual(["http://first:1", "https://second:2"]);
  replies = [refusal(401, "refresh-token-reused")];
  await expect(resumeLogin({ url }, "r0")).rejects.toMatchObject({
    reason: "refresh-token-reused",
  });
  expect(hosts()).toHaveLength(1);
});

test("a refusal is final, and says why", async () => {
  replies = [refusal(401, "refresh-token-reused"), refusal(409, "name-taken")];
  await expect(resumeLogin(options, "r0")).rejects.toMatchObject({
    reason: "refresh-token-reused",
  });
  await expect(register(options, "anna", "x")).rejects.toMatchObject({ reason: "name-taken" });
  expect(sent).toHaveLength(2);
});

test("while the player is not in the world yet, the token is asked for again", async () => {
  replies = [pair(1, 900, ""), pair(2, 900, ""), pair(3)];
  expect(await nthOf(await login(options, "anna", "correct horse"))).toBe(3);
});

test("logout sends the newest refresh token", async () => {
  replies = [pair(1, 80), pair(2), { status: 200, body: {} }];
  const account = await login(options, "anna", "correct horse");
  await account.token();
  await account.logout();
  expect(sent.at(-1)).toEqual({ method: `${service}/Logout`, body: { refreshToken: "r2" } });
});
