import { afterEach, expect, it, vi } from "vitest";
import { runService } from "./run-service.ts";

afterEach(() => void vi.useRealTimers());

it("closes what was registered after the stop, the last first, and waits 5 s for one that hangs", async () => {
  vi.useFakeTimers();
  const ran: string[] = [];
  const done = runService("x", {}, (defer) => {
    defer(() => Promise.resolve(void ran.push("pool")));
    defer(() => new Promise(() => ran.push("bus hangs")));
    return Promise.resolve({ stop: () => Promise.resolve(void ran.push("stop")) });
  }).then(() => ran.push("done"));
  // To itself, not to the process: others listen for the signal, too.
  const [ask] = process.listeners("SIGTERM").slice(-1);
  await vi.advanceTimersByTimeAsync(0);
  ask!("SIGTERM");
  await vi.advanceTimersByTimeAsync(4_999);
  expect(ran).toEqual(["stop", "bus hangs"]);
  await vi.advanceTimersByTimeAsync(1);
  await done;
  expect(ran).toEqual(["stop", "bus hangs", "pool", "done"]);
});
