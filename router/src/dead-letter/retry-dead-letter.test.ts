import { Code } from "@connectrpc/connect";
import {
  createMemoryBus,
  decodeBatch,
  encodeEnvelope,
  MemoryBroker,
  noBytes,
  type PublishOutcome,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { expect, it } from "vitest";
import type { KeptLetter } from "../control-store.ts";
import { retryDeadLetter } from "./retry-dead-letter.ts";

const envelope = encodeEnvelope({
  type: "cmd.inventory.settle",
  messageVersion: 1,
  eventId: uuidv7Bytes(),
  producer: { service: "market", version: "1", instance: "market-1" },
  tsMs: 1,
  payload: noBytes,
});
const letter: KeptLetter = {
  slot: "cmd.inventory.3",
  type: "cmd.inventory.settle",
  accountId: undefined,
  envelope,
  state: "waiting",
};

function storeOf(kept: KeptLetter | undefined) {
  const marked: string[] = [];
  return {
    marked,
    deadLetter: () => Promise.resolve(kept),
    markReplayed: (id: string) => Promise.resolve(void marked.push(id)),
  };
}

it("the message goes out as it came, to its own queue, and the letter is marked then", async () => {
  const broker = new MemoryBroker();
  broker.declareQueue("cmd.inventory.3", 10);
  const bus = createMemoryBus(broker);
  const got: Uint8Array[] = [];
  await bus.consume("cmd.inventory.3", {
    prefetch: 1,
    onDelivery(delivery) {
      got.push(...decodeBatch(delivery.body).envelopes.map((bytes) => Uint8Array.from(bytes)));
      delivery.ack();
    },
  });
  const store = storeOf({ ...letter, state: "replayed" });
  expect(await retryDeadLetter("a", store, bus)).toEqual({
    type: "cmd.inventory.settle",
    queue: "cmd.inventory.3",
  });
  expect(got).toEqual([Uint8Array.from(envelope)]);
  expect(store.marked).toEqual(["a"]);
});

it("what the broker does not take stays waiting", async () => {
  for (const outcome of ["refused", "unroutable", "unsent", "unknown"] as PublishOutcome[]) {
    const store = storeOf(letter);
    const sent = retryDeadLetter("a", store, { publish: () => Promise.resolve(outcome) });
    await expect(sent).rejects.toMatchObject({ code: Code.Unavailable });
    expect(store.marked).toEqual([]);
  }
  const without = retryDeadLetter("a", storeOf(letter), undefined);
  await expect(without).rejects.toMatchObject({ code: Code.Unavailable });
});

it("is refused for what has a final answer, cannot be read, or was made good", async () => {
  const barred: [KeptLetter | undefined, RegExp][] = [
    [undefined, /there is no dead letter a/],
    [{ ...letter, state: "discarded" }, /made good otherwise/],
    [{ ...letter, type: "" }, /cannot be read/],
    [{ ...letter, slot: "cmd.p3", type: "cmd.hex.gather" }, /was for a hex in cmd\.p3/],
    [{ ...letter, accountId: "b", type: "cmd.inventory.offer-trade" }, /a client's command/],
  ];
  for (const [kept, why] of barred) {
    const store = storeOf(kept);
    const publish = () => Promise.reject(new Error("it was sent"));
    await expect(retryDeadLetter("a", store, { publish })).rejects.toThrow(why);
    expect(store.marked).toEqual([]);
  }
});
