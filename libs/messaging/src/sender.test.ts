import { Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { expect, test } from "vitest";
import { decodeEnvelope, encodeEnvelope } from "./envelope-codec.ts";
import { senderOf } from "./sender.ts";
import { uuidv7Bytes } from "./uuid.ts";

function sentBy(service: string, accountId?: Uint8Array): Sender {
  return senderOf(
    decodeEnvelope(
      encodeEnvelope({
        type: "cmd.inventory.hold",
        messageVersion: 1,
        eventId: uuidv7Bytes(),
        producer: { service, version: "1", instance: "a" },
        tsMs: 1,
        payload: new Uint8Array(0),
        ...(accountId === undefined ? {} : { accountId }),
      }),
    ),
  );
}

test("the host speaks for an operator, to every service, and for no account", () => {
  expect(sentBy("host")).toBe(Sender.OPERATOR);
  expect(sentBy("host", uuidv7Bytes())).toBe(Sender.UNSPECIFIED);
});

test("a gateway speaks for the account that it names, else for itself, and nobody else for an account", () => {
  expect(sentBy("gateway", uuidv7Bytes())).toBe(Sender.CLIENT);
  expect(sentBy("gateway")).toBe(Sender.GATEWAY);
  // What a router puts back was a gateway's.
  expect(sentBy("router", uuidv7Bytes())).toBe(Sender.CLIENT);
  expect(sentBy("router")).toBe(Sender.ROUTER);
  expect(sentBy("market")).toBe(Sender.MARKET);
  expect(sentBy("market", uuidv7Bytes())).toBe(Sender.UNSPECIFIED);
  expect(sentBy("somebody")).toBe(Sender.UNSPECIFIED);
});
