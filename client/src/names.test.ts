import { create, toBinary } from "@bufbuild/protobuf";
import { AuthErrorSchema } from "@hexhold/gen/hexhold/edge/v1/auth_pb";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { uuidText } from "./bytes.ts";
import { createNames, type Names } from "./names.ts";

interface Asked {
  readonly url: string;
  readonly accessToken: string;
  readonly accountIds: readonly string[];
}

const idOf = (n: number): Uint8Array => {
  const id = new Uint8Array(16).fill(1);
  id[14] = n >> 8;
  id[15] = n & 255;
  return id;
};
const textOf = (n: number): string => uuidText(idOf(n));

let asked: Asked[];
/** Names by id; `fault`: what the next calls are answered with instead. */
let accounts: Map<string, string>;
let fault: (() => Response) | undefined;
let told: number;
let names: Names;

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  accounts = new Map();
  fault = undefined;
  told = 0;
  vi.stubGlobal("fetch", (url: URL, init: { body: string }) => {
    const request = JSON.parse(init.body) as Asked;
    asked.push({ ...request, url: url.href });
    if (fault !== undefined) return Promise.resolve(fault());
    const found = request.accountIds.flatMap((accountId) => {
      const name = accounts.get(accountId);
      return name === undefined ? [] : [{ accountId, name }];
    });
    return Promise.resolve(new Response(JSON.stringify({ names: found })));
  });
  names = createNames({
    url: "ws://gateway:7600/",
    token: () => Promise.resolve("a-token"),
    onNames: () => told++,
  });
});
afterEach(() => {
  names.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("names that are wanted in one moment are asked for in one call, and never again", async () => {
  accounts.set(textOf(1), "anna").set(textOf(2), "berta");
  for (const n of [1, 2, 3, 1]) expect(names.nameOf(idOf(n))).toBeUndefined();
  await vi.advanceTimersByTimeAsync(60);
  expect(asked).toEqual([
    {
      url: "http://gateway:7600/hexhold.edge.v1.AuthService/GetNames",
      accessToken: "a-token",
      accountIds: [1, 2, 3].map(textOf),
    },
  ]);
  expect([1, 2, 3].map((n) => names.nameOf(idOf(n)))).toEqual(["anna", "berta", undefined]);
  expect(told).toBe(1);
  // Who has no account has none later either.
  await vi.advanceTimersByTimeAsync(600_000);
  expect(asked).toHaveLength(1);
});

test("a crowd is asked for a hundred at a time", async () => {
  for (let n = 0; n < 250; n++) names.nameOf(idOf(n));
  await vi.advanceTimersByTimeAsync(500);
  expect(asked.map(({ accountIds }) => accountIds.length)).toEqual([100, 100, 50]);
  expect(new Set(asked.flatMap(({ accountIds }) => accountIds)).size).toBe(250);
});

test("a call that fails is repeated when the server says, with growing pauses, and nothing is lost", async () => {
  accounts.set(textOf(1), "anna");
  const value = toBinary(
    AuthErrorSchema,
    create(AuthErrorSchema, { reason: "rate-limited", retryAfterMs: 30_000 }),
  );
  const detail = { type: AuthErrorSchema.typeName, value: btoa(String.fromCharCode(...value)) };
  fault = () =>
    new Response(JSON.stringify({ message: "wait", details: [detail] }), { status: 429 });
  names.nameOf(idOf(1));
  await vi.advanceTimersByTimeAsync(29_000);
  expect(asked).toHaveLength(1);
  fault = undefined;
  // Wanted sixty times a second meanwhile, as by a map.
  for (let n = 0; n < 100; n++) names.nameOf(idOf(1));
  await vi.advanceTimersByTimeAsync(1100);
  expect(asked).toHaveLength(2);
  expect(names.nameOf(idOf(1))).toBe("anna");
});

test("after its end nothing is asked for", async () => {
  names.nameOf(idOf(1));
  names.close();
  names.nameOf(idOf(2));
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked).toEqual([]);
});
