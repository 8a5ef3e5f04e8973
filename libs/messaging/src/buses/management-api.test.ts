import { expect, test } from "vitest";
import { vhostOf } from "./management-api.ts";

test("the virtual host is that of the broker's URL", () => {
  expect(vhostOf("amqp://a:b@host:5672/hexhold")).toBe("hexhold");
  expect(vhostOf("amqp://host/%2Fodd")).toBe("/odd");
  expect([vhostOf("amqp://host"), vhostOf("amqp://host/"), vhostOf(undefined)]).toEqual([
    "/",
    "/",
    "/",
  ]);
});
