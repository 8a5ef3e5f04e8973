import { createMetrics } from "@hexhold/telemetry";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { SlotRunner } from "../slot/slot-runner.ts";
import { createWorkerMetrics } from "../worker-metrics.ts";
import type { ActiveHex } from "./hex-table.ts";
import { startPassivator } from "./passivator.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface FakeSlot {
  readonly runner: SlotRunner;
  readonly asked: string[][];
  /** Settles the oldest request that waits. */
  settle(): Promise<void>;
}

/** A slot with one idle hex, which answers no request to passivate before `settle`. */
function slotOf(keyText: string): FakeSlot {
  const hex = { keyText, generation: 1, stateBytes: 0, usedMs: 0, unsaved: 0 } as ActiveHex;
  const asked: string[][] = [];
  const waiting: ((gone: ReadonlySet<ActiveHex>) => void)[] = [];
  const table = Object.assign([hex], {
    find: (text: string) => (text === keyText ? hex : undefined),
  });
  return {
    asked,
    async settle() {
      waiting.shift()?.(new Set());
      await vi.advanceTimersByTimeAsync(0);
    },
    runner: {
      table,
      passivate(hexes: readonly ActiveHex[]) {
        asked.push(hexes.map((each) => each.keyText));
        return new Promise((resolve) => void waiting.push(resolve));
      },
    } as unknown as SlotRunner,
  };
}

it("asks a slot again only when what it was asked before has settled, and others meanwhile", async () => {
  const [stuck, other] = [slotOf("a"), slotOf("b")];
  const stop = startPassivator({
    limits: { memoryBytesMax: 1 << 30, idleMs: 1000 },
    slots: () => [stuck.runner, other.runner],
    worldNow: () => 1_000_000,
    save: () => Promise.resolve(),
    metrics: createWorkerMetrics(createMetrics()),
  });
  for (let second = 0; second < 5; second++) {
    await vi.advanceTimersByTimeAsync(1000);
    await other.settle();
  }
  expect(stuck.asked).toEqual([["a"]]);
  expect(other.asked).toHaveLength(5);
  await stuck.settle();
  await vi.advanceTimersByTimeAsync(1000);
  expect(stuck.asked).toEqual([["a"], ["a"]]);
  stop();
});
