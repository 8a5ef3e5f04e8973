import { expect, it } from "vitest";
import { hostOf, urlOf } from "./url-of.ts";

it.each([
  ["127.0.0.1", "ws://127.0.0.1:7600"],
  ["::1", "ws://[::1]:7600"],
  ["2001:db8::7", "ws://[2001:db8::7]:7600"],
  ["gateway.example", "ws://gateway.example:7600"],
])("%s is written as %s, and read again", (host, url) => {
  expect(urlOf("ws", host, 7600)).toBe(url);
  expect(hostOf(new URL(url))).toBe(host);
});
