import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createHttpServer } from "./http-server.ts";

const login = "/hexhold.edge.v1.AuthService/Login";
let server: Server;
let url: string;

beforeAll(async () => {
  server = createHttpServer({
    rpc(request, response) {
      if (request.url !== login) return false;
      response.end("{}");
      return true;
    },
    isAllowedOrigin: (origin) => origin === "https://play.example",
    webRoot: undefined,
    missing: () => [],
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const preflight = (origin: string) =>
  fetch(url + login, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type,connect-protocol-version",
    },
  });

it("lets pages of allowed origins call it, and read what they need", async () => {
  const asked = await preflight("https://play.example");
  expect(asked.status).toBe(204);
  expect(asked.headers.get("access-control-allow-origin")).toBe("https://play.example");
  expect(asked.headers.get("access-control-allow-methods")).toBe("POST");
  expect(asked.headers.get("access-control-allow-headers")).toMatch(/content-type/i);
  const called = await fetch(url + login, {
    method: "POST",
    headers: { origin: "https://play.example" },
  });
  expect([called.status, called.headers.get("access-control-allow-origin")]).toEqual([
    200,
    "https://play.example",
  ]);
  expect(called.headers.get("access-control-expose-headers")).toMatch(/retry-after/i);
  expect(called.headers.get("vary")).toBe("origin");
});

it("says nothing of the kind to others", async () => {
  const asked = await preflight("https://evil.example");
  expect([asked.status, asked.headers.get("access-control-allow-origin")]).toEqual([204, null]);
  const plain = await fetch(url + login, { method: "OPTIONS" });
  expect(plain.headers.get("access-control-allow-origin")).toBeNull();
});
