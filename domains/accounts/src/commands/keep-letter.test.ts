import { fromBinary } from "@bufbuild/protobuf";
import { CommandDeadLetteredSchema } from "@hexhold/gen/hexhold/control/v1/dead_letter_pb";
import {
  type BusMessage,
  decodeBatch,
  decodeEnvelope,
  encodeEnvelope,
  type PublishOutcome,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { expect, test } from "vitest";
import { createKeepLetter } from "./keep-letter.ts";

const producer = { service: "accounts" as const, version: "1", instance: "a" };
const bytes = encodeEnvelope({
  type: "evt.hex.player-arrived",
  messageVersion: 1,
  eventId: uuidv7Bytes(),
  producer: { service: "worker", version: "1", instance: "w" },
  tsMs: 1,
  payload: new Uint8Array([1]),
});

test.each<[PublishOutcome, boolean]>([
  ["confirmed", true],
  ["refused", false],
  ["unknown", false],
])("sends the letter to the router: %s counts as %s", async (outcome, kept) => {
  const sent: { queue: string; message: BusMessage }[] = [];
  const bus = {
    publish(queue: string, message: BusMessage) {
      sent.push({ queue, message });
      return Promise.resolve(outcome);
    },
  };
  const keep = createKeepLetter(bus, "cmd.accounts", producer, () => 5.5);
  const given = {
    bytes,
    envelope: decodeEnvelope(bytes),
    error: "x\u0000".repeat(3000),
    attempts: 5,
  };
  expect(await keep(given)).toBe(kept);
  expect(sent[0]!.queue).toBe("cmd.router");
  const letter = decodeEnvelope(decodeBatch(sent[0]!.message.body).envelopes[0]!);
  expect(letter.type).toBe("evt.worker.command-dead-lettered");
  const content = fromBinary(CommandDeadLetteredSchema, letter.payload);
  expect(Buffer.from(content.envelope).equals(bytes)).toBe(true);
  expect(content).toMatchObject({ error: "x".repeat(1000), attempts: 5, slot: "cmd.accounts" });
});
