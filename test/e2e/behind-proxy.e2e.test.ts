/** A gateway on an IPv6 address behind a proxy that ends TLS, and bodies in bytes that nobody meant. */
import { request } from "node:http";
import { networkInterfaces } from "node:os";
import { startWorld, type World } from "@hexhold/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((item) => item?.address === "::1");
let world: World;

/** Status of an upgrade, as a proxy passes it on. */
function upgrade(origin: string, forwarded: Record<string, string>): Promise<number> {
  const { hostname, port } = new URL(world.status().endpoints.http);
  return new Promise((resolve, reject) => {
    const asked = request({
      host: hostname.replace(/^\[(.*)\]$/, "$1"),
      port,
      headers: {
        connection: "upgrade",
        upgrade: "websocket",
        origin,
        "sec-websocket-version": "13",
        "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "sec-websocket-protocol": "hexhold.v1",
        ...forwarded,
      },
    });
    asked.on("upgrade", (response, socket) => {
      socket.on("error", () => undefined).destroy();
      resolve(response.statusCode ?? 0);
    });
    asked.on("response", (response) => resolve(response.resume().statusCode ?? 0));
    asked.on("error", reject).end();
  });
}

const call = (method: string, type: string, body: Uint8Array<ArrayBuffer> | string) =>
  fetch(`${world.status().endpoints.http}/hexhold.edge.v1.AuthService/${method}`, {
    method: "POST",
    headers: { "content-type": type },
    body,
  });

describe.skipIf(!hasIpv6)("behind a proxy, on ::1", () => {
  beforeAll(async () => {
    world = await startWorld({
      profile: "embedded",
      env: {
        HEXHOLD_GATEWAY__HOST: "::1",
        HEXHOLD_GATEWAY__TRUSTED_PROXIES: '["::1"]',
        HEXHOLD_GATEWAY__ALLOWED_ORIGINS: '["https://other.example:443"]',
      },
    });
  });
  afterAll(async () => world?.stop());

  it("writes its addresses so that they can be used", async () => {
    const { ws, http } = world.status().endpoints;
    expect([new URL(ws).hostname, new URL(http).hostname]).toEqual(["[::1]", "[::1]"]);
    expect((await fetch(`${http}/healthz`)).status).toBe(200);
    expect((await fetch(world.playUrl)).status).toBe(200);
  });

  it("knows its own origin by the proxy's word, and allowed ones however they are written", async () => {
    const forwarded = { "x-forwarded-proto": "https", "x-forwarded-host": "play.example" };
    expect(await upgrade("https://play.example", forwarded)).toBe(101);
    expect(await upgrade("https://play.example", {})).toBe(403);
    expect(await upgrade("http://play.example", forwarded)).toBe(403);
    expect(await upgrade("https://OTHER.example", {})).toBe(101);
    expect(await upgrade("null", forwarded)).toBe(403);
  });

  it("takes no bytes that are no UTF-8 for another password", async () => {
    const body = (bytes: number[]) =>
      Uint8Array.from([
        ...Buffer.from('{"name":"anna","password":"correct '),
        ...bytes,
        ...Buffer.from(' horse"}'),
      ]);
    const known = await call("Register", "application/json", body([0xef, 0xbf, 0xbd]));
    expect(known.status).toBe(200);
    const bad = await call("Login", "application/json", body([0xff]));
    expect([bad.status, await bad.json()]).toMatchObject([400, { code: "invalid_argument" }]);
    const binary = await call("Login", "application/proto", Uint8Array.of(0x0a, 2, 0xff, 0xfe));
    expect([binary.status, await binary.json()]).toMatchObject([400, { code: "invalid_argument" }]);
  });
});
