import { encodeEnvelope, type Publisher, uuidv7Bytes } from "@hexhold/messaging";
import { createLogger } from "@hexhold/telemetry";
import { expect, it } from "vitest";
import { createAnnouncementReader } from "./announcement-reader.ts";

const logger = createLogger({ service: "gateway", instance: "test", level: "silent" });
const by = (service: string): Publisher => ({ kind: "service", service });
const announcement = (type: string, service: string): Uint8Array =>
  encodeEnvelope({
    type,
    messageVersion: 1,
    eventId: uuidv7Bytes(),
    producer: { service, version: "1", instance: "1" },
    tsMs: 0,
    payload: new Uint8Array(0),
  });

it("keys and bans are taken from the accounts service alone, whatever name another gives itself", () => {
  const taken: string[] = [];
  const forged: string[] = [];
  const read = createAnnouncementReader({
    takers: [() => false, ({ type }) => taken.push(type) > 0],
    onForged: (publisher) => forged.push(publisher),
    logger,
  });
  const key = "evt.accounts.key-added";
  read(announcement(key, "accounts"), by("gateway"));
  read(announcement(key, "gateway"), by("gateway"));
  read(announcement(key, "accounts"), by("router"));
  read(announcement(key, "accounts"), { kind: "stranger", user: "" });
  read(Uint8Array.of(255), by("accounts"));
  expect(taken).toEqual([]);
  expect(forged).toEqual(["gateway", "gateway", "router", "no user"]);
  read(announcement(key, "accounts"), by("accounts"));
  read(announcement("evt.edge.session-begun", "gateway"), by("gateway"));
  expect(taken).toEqual([key, "evt.edge.session-begun"]);
});
