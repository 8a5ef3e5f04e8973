import { type Bus, createMemoryBus, createRequester, MemoryBroker } from "@hexhold/messaging";
import { afterEach, expect, it, vi } from "vitest";
import { createAccountsClient } from "./accounts-client.ts";

afterEach(() => {
  vi.useRealTimers();
});

it("waits for 5 s and no longer, whether the broker is frozen or nobody answers", async () => {
  vi.useFakeTimers();
  const broker = new MemoryBroker();
  broker.declareQueue("cmd.accounts", 10);
  const bus = createMemoryBus(broker);
  const frozen: Bus = { ...bus, openInbox: () => new Promise(() => undefined) };
  const ends: string[] = [];
  for (const each of [frozen, bus]) {
    const requester = createRequester({ bus: each, name: "gw.test.requests" });
    const client = createAccountsClient({
      requester,
      worldNow: () => 1,
      instance: "g",
      version: "1",
    });
    void client.keys().then((called) => ends.push(called.case));
  }
  await vi.advanceTimersByTimeAsync(4990);
  expect(ends).toEqual([]);
  await vi.advanceTimersByTimeAsync(20);
  expect(ends.toSorted()).toEqual(["unknown", "unsent"]);
});
