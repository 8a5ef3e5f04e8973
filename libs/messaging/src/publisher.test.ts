import { create } from "@bufbuild/protobuf";
import { ProducerSchema } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { expect, test } from "vitest";
import {
  anyone,
  type Publisher,
  publisherOfUser,
  publisherText,
  serviceOfUser,
  claimOf,
  userOfService,
} from "./publisher.ts";
import { letterType } from "./dead-letter.ts";
import { services } from "./services.ts";

const of = (service: string, type = "cmd.hex.spawn") => ({
  producer: create(ProducerSchema, { service }),
  type,
});
const by = (service: string): Publisher => ({ kind: "service", service });

test("each service's user is told by its name, with and without a world's suffix", () => {
  for (const { name } of services) {
    expect(serviceOfUser(userOfService(name))).toBe(name);
    expect(serviceOfUser(userOfService(name, "1f00ab"))).toBe(name);
  }
});

test.each(["hexhold", "guest", "", "hexhold_", "hexhold_Market", "xhexhold_market", "market"])(
  "%j is no service's user",
  (user) => {
    expect(serviceOfUser(user)).toBeUndefined();
  },
);

test("whom the broker does not know as a service is a stranger, unless it is trusted", () => {
  expect(publisherOfUser("hexhold_market", new Set())).toEqual({
    kind: "service",
    service: "market",
  });
  expect(publisherOfUser("hexhold", new Set())).toEqual({ kind: "stranger", user: "hexhold" });
  expect(publisherOfUser(undefined, new Set())).toEqual({ kind: "stranger", user: "" });
  expect(publisherOfUser("hexhold", new Set(["hexhold"]))).toBe(anyone);
  expect(publisherOfUser(undefined, new Set([""]))).toBe(anyone);
  expect(publisherOfUser(undefined, new Set(["hexhold"])).kind).toBe("stranger");
});

test("every service's name from every other's user is forged, but what a router brings back", () => {
  const names = services.map(({ name }) => name);
  for (const user of names) {
    for (const producer of names) {
      const otherwise = user === "router" ? "brought-back" : "forged";
      expect(claimOf(by(user), of(producer))).toBe(user === producer ? "own" : otherwise);
    }
  }
});

test("a stranger speaks for nobody, anyone for all, and a producer must be named", () => {
  expect(claimOf({ kind: "stranger", user: "" }, of(""))).toBe("forged");
  expect(claimOf({ kind: "stranger", user: "market" }, of("market"))).toBe("forged");
  expect(claimOf(anyone, of("market"))).toBe("own");
  expect(claimOf(by("market"), { producer: undefined, type: "cmd.hex.spawn" })).toBe("forged");
});

test.each([
  ["evt.hex.gathered", "worker"],
  ["evt.flowers.picked", "worker"],
  ["evt.accounts.key-added", "accounts"],
  ["evt.market.order-changed", "market"],
  ["evt.edge.session-begun", "gateway"],
])("%s is told by the %s alone, under its own name", (type, owner) => {
  for (const { name } of services) {
    expect(claimOf(by(name), of(name, type))).toBe(name === owner ? "own" : "forged");
  }
  expect(claimOf(by("router"), of(owner, type))).toBe("brought-back");
});

test("letters are everybody's", () => {
  for (const { name } of services) {
    expect(claimOf(by(name), of(name, letterType))).toBe("own");
  }
});

test("a log line says who it was", () => {
  expect(publisherText({ kind: "stranger", user: "" })).toBe("no user");
  expect(publisherText({ kind: "stranger", user: "hexhold" })).toBe("user hexhold");
  expect(publisherText({ kind: "service", service: "market" })).toBe("market");
});
