import { type Bus, type BusMessage, decodeBatch, gatheringLimits } from "@hexhold/messaging";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createOutboxSender, type OutboxParcel } from "./outbox-sender.ts";

const sent: { queue: string; message: BusMessage }[] = [];
const bus = {
  publish: (queue: string, message: BusMessage) => {
    sent.push({ queue, message });
    return Promise.resolve(queue === "cmd.full" ? "refused" : "confirmed");
  },
} as unknown as Bus;

beforeEach(() => {
  sent.length = 0;
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => vi.useRealTimers());

/** A parcel of envelopes that are one byte each. */
function parcel(queue: string, bytes: readonly number[], routeVersion = 1n): OutboxParcel {
  const envelopes = bytes.map((byte) => Uint8Array.of(byte));
  return { queue, routeVersion, envelopes, messageId: `message of ${bytes[0]}` };
}

/** What was sent to each queue: the envelopes of each message. */
function messages(): [string, number[]][] {
  return sent.map(({ queue, message }) => [
    queue,
    decodeBatch(message.body).envelopes.map((envelope) => envelope[0]!),
  ]);
}

it("sends at once after a rest, then what has gathered for 200 ms, a message for each queue", async () => {
  const sender = createOutboxSender(bus);
  const first = sender.send(parcel("cmd.a", [1, 2]));
  await vi.advanceTimersByTimeAsync(0);
  expect(messages()).toEqual([["cmd.a", [1, 2]]]);
  expect(await first).toBe("confirmed");
  const later = [
    sender.send(parcel("cmd.a", [3])),
    sender.send(parcel("cmd.b", [4])),
    sender.send(parcel("cmd.a", [5, 6])),
  ];
  await vi.advanceTimersByTimeAsync(199);
  expect(sent).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(messages().slice(1)).toEqual([
    ["cmd.a", [3, 5, 6]],
    ["cmd.b", [4]],
  ]);
  expect(sent[1]!.message.messageId).toBe("message of 3");
  expect(await Promise.all(later)).toEqual(["confirmed", "confirmed", "confirmed"]);
  await vi.advanceTimersByTimeAsync(1000);
  const rested = sender.send(parcel("cmd.a", [7]));
  await vi.advanceTimersByTimeAsync(0);
  expect(messages().at(-1)).toEqual(["cmd.a", [7]]);
  expect(await rested).toBe("confirmed");
});

it("tells everybody in a message what became of it, and nobody else", async () => {
  const sender = createOutboxSender(bus);
  const full = [sender.send(parcel("cmd.full", [1])), sender.send(parcel("cmd.full", [2]))];
  const other = sender.send(parcel("cmd.a", [3]));
  await vi.advanceTimersByTimeAsync(0);
  expect(await Promise.all(full)).toEqual(["refused", "refused"]);
  expect(await other).toBe("confirmed");
});

it("neither divides a parcel, nor mixes route versions, nor goes beyond the limit of a message", async () => {
  const sender = createOutboxSender(bus);
  const many = Array.from({ length: gatheringLimits.envelopesMax - 1 }, () => 9);
  const outcomes = [
    sender.send(parcel("cmd.a", many)),
    sender.send(parcel("cmd.a", [1, 2])),
    sender.send(parcel("cmd.a", [3], 2n)),
    sender.send(parcel("cmd.a", [4], 2n)),
  ];
  await vi.advanceTimersByTimeAsync(0);
  expect(messages().map(([, envelopes]) => envelopes.length)).toEqual([many.length, 2, 2]);
  expect(messages()[2]).toEqual(["cmd.a", [3, 4]]);
  expect(sent.map(({ message }) => decodeBatch(message.body).routeVersion)).toEqual([1n, 1n, 2n]);
  expect(await Promise.all(outcomes)).toHaveLength(4);
});
