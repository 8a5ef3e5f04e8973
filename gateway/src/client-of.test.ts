import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { expect, it } from "vitest";
import { createClientOf, createTrust, originOf } from "./client-of.ts";

const clientOf = createClientOf(createTrust(["10.0.0.0/8", "::1"]));
const of = (remoteAddress: string, headers: IncomingHttpHeaders) =>
  clientOf({ headers, socket: { remoteAddress } } as unknown as IncomingMessage);

const behind = {
  "x-forwarded-for": "203.0.113.7",
  "x-forwarded-proto": "https",
  "x-forwarded-host": "play.example",
  host: "10.1.1.1:7600",
};

it("takes nobody's word but a trusted proxy's", () => {
  expect(of("192.0.2.1", behind)).toEqual({
    address: "192.0.2.1",
    ownOrigin: "http://10.1.1.1:7600",
  });
  for (const proxy of ["10.1.1.1", "::ffff:10.1.1.1", "::1"]) {
    expect(of(proxy, behind)).toEqual({
      address: "203.0.113.7",
      ownOrigin: "https://play.example",
    });
  }
});

it.each([
  ["what a client sent itself", "6.6.6.6, 203.0.113.7", "203.0.113.7"],
  ["two trusted proxies", "6.6.6.6, 203.0.113.7, 10.2.2.2", "203.0.113.7"],
  ["trusted ones alone", "10.3.3.3, 10.2.2.2", "10.3.3.3"],
  ["no address", "unknown", "10.1.1.1"],
  ["a port", "203.0.113.7:4711", "203.0.113.7"],
  ["IPv6 in brackets", "[2001:db8::7]:4711", "2001:db8::7"],
])("reads the list from its end: %s", (_, list, address) => {
  expect(of("10.1.1.1", { "x-forwarded-for": list, host: "a" }).address).toBe(address);
});

it("reads Forwarded, which says all of it at once", () => {
  const forwarded =
    'for=6.6.6.6;proto=http;host=evil.example, For="[2001:db8::7]:4711";Proto=https;host=play.example';
  expect(of("10.1.1.1", { forwarded, ...behind })).toEqual({
    address: "2001:db8::7",
    ownOrigin: "https://play.example",
  });
});

it.each([
  ["https://play.example", "https://play.example:443/", true],
  ["http://PLAY.example", "http://play.example:80", true],
  ["https://play.example", "http://play.example", false],
  ["https://play.example", "https://play.example:8443", false],
  ["null", "null", false],
  ["https://play.example/page", "https://play.example", false],
])("compares origins, not their spelling: %s, %s", (a, b, same) => {
  expect(originOf(a) !== undefined && originOf(a) === originOf(b)).toBe(same);
});
