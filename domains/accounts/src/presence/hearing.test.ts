import type { BusState } from "@hexhold/messaging";
import { expect, it } from "vitest";
import { startHearing } from "./hearing.ts";

const connected = (generation: number): BusState => ({ mode: "connected", generation });
const disconnected: BusState = { mode: "disconnected", reason: "test" };

function listening() {
  const clock = { nowMs: 0 };
  const listeners = new Set<(state: BusState) => void>();
  const bus = {
    state: connected(1),
    onState(listener: (state: BusState) => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const hearing = startHearing(bus, () => clock.nowMs);
  return {
    hearing,
    change: (state: BusState): void => {
      bus.state = state;
      for (const listener of listeners) listener(state);
    },
    /** Time goes on, and whoever listens is awake. */
    wait: (ms: number): void => {
      for (let left = ms; left > 0; left -= 1000) {
        clock.nowMs += Math.min(left, 1000);
        void hearing.forMs;
      }
    },
    /** Time goes on, and the process stands still. */
    freeze: (ms: number) => void (clock.nowMs += ms),
    listeners,
  };
}

it("counts from the start, and not while there is no broker", () => {
  const { hearing, change, wait, listeners } = listening();
  wait(30_000);
  expect(hearing.forMs).toBe(30_000);
  change(disconnected);
  wait(30_000);
  expect(hearing.forMs).toBe(0);
  change(connected(2));
  wait(7000);
  expect(hearing.forMs).toBe(7000);
  change(connected(3));
  expect(hearing.forMs).toBe(0);
  hearing.stop();
  expect(listeners.size).toBe(0);
});

it("begins anew when the database was away, and when the process has stood still", () => {
  const { hearing, wait, freeze } = listening();
  wait(30_000);
  hearing.interrupted();
  wait(5000);
  expect(hearing.forMs).toBe(5000);
  freeze(20_000);
  expect(hearing.forMs).toBe(0);
  wait(3000);
  expect(hearing.forMs).toBe(3000);
  hearing.stop();
});
