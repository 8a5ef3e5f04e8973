import { type Bus, type BusMessage, decodeBatch, gatheringLimits } from "@hexhold/messaging";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createOutboxSender, gatherMs, type OutboxParcel } from "./outbox-sender.ts";

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
  return {
    queue,
    routeVersion,
    envelopes,
    messageId: `message of ${bytes[0]}`,
    gatherMs: gatherMs.services,
  };
}

/** What was sent to each queue: the envelopes of each message. */
function messages(): [string, number[]][] {
  return sent.map(({ queue, message }) => [
    queue,
    decodeBatch(message.body).envelopes.map((envelope) => envelope[0]!),
  ]);
}

it("sends at once after a rest of its queue, then what has gathered for 200 ms in one message", async () => {
  const sender = createOutboxSender(bus);
  const first = sender.send(parcel("cmd.a", [1, 2]));
  await vi.advanceTimersByTimeAsync(0);
  expect(messages()).toEqual([["cmd.a", [1, 2]]]);
  expect(await first).toBe("confirmed");
  const later = [sender.send(parcel("cmd.a", [3])), sender.send(parcel("cmd.a", [5, 6]))];
  await vi.advanceTimersByTimeAsync(199);
  expect(sent).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(messages().slice(1)).toEqual([["cmd.a", [3, 5, 6]]]);
  expect(sent[1]!.message.messageId).toBe("message of 3");
  expect(await Promise.all(later)).toEqual(["confirmed", "confirmed"]);
  await vi.advanceTimersByTimeAsync(1000);
  const rested = sender.send(parcel("cmd.a", [7]));
  await vi.advanceTimersByTimeAsync(0);
  expect(messages().at(-1)).toEqual(["cmd.a", [7]]);
  expect(await rested).toBe("confirmed");
});

it("lets no queue wait for another, and hexes hardly at all", async () => {
  const sender = createOutboxSender(bus);
  const toHex = (byte: number): OutboxParcel => ({
    ...parcel("cmd.p1", [byte]),
    gatherMs: gatherMs.hexes,
  });
  const all = [sender.send(parcel("cmd.a", [1])), sender.send(toHex(2))];
  await vi.advanceTimersByTimeAsync(0);
  expect(messages()).toEqual([
    ["cmd.a", [1]],
    ["cmd.p1", [2]],
  ]);
  all.push(sender.send(parcel("cmd.a", [3])), sender.send(toHex(4)), sender.send(toHex(5)));
  await vi.advanceTimersByTimeAsync(gatherMs.hexes);
  expect(messages().slice(2)).toEqual([["cmd.p1", [4, 5]]]);
  await vi.advanceTimersByTimeAsync(gatherMs.services);
  expect(await Promise.all(all)).toHaveLength(5);
});

it("lets queues of one kind leave together, whenever each left last", async () => {
  const sender = createOutboxSender(bus);
  const all = [sender.send(parcel("cmd.a", [1]))];
  await vi.advanceTimersByTimeAsync(50);
  all.push(sender.send(parcel("cmd.b", [2])));
  await vi.advanceTimersByTimeAsync(10);
  all.push(sender.send(parcel("cmd.a", [3])), sender.send(parcel("cmd.b", [4])));
  await vi.advanceTimersByTimeAsync(gatherMs.services - 60);
  expect(messages()).toEqual([
    ["cmd.a", [1]],
    ["cmd.b", [2]],
    ["cmd.a", [3]],
    ["cmd.b", [4]],
  ]);
  await Promise.all(all);
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
