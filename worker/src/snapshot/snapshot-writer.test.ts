import { diskOf, keyText } from "@hexhold/hex";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { HexTable } from "../actor/hex-table.ts";
import type { CapturedHex } from "../rules/rules-host.ts";
import { createWorkerMetrics } from "../worker-metrics.ts";
import { defaultSnapshotPolicy, type SavedSlot, startSnapshotWriter } from "./snapshot-writer.ts";
import type { Snapshot } from "./snapshot-store.ts";

const hexes = diskOf(0x861f1d48fffffffn, 4);

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A slot with some changed hexes. */
function slotOf(epoch: bigint, hexIds: readonly bigint[], unsaved: number): SavedSlot {
  const table = new HexTable();
  for (const hexId of hexIds) {
    const numbers = {
      generation: 1,
      hexVersion: 9,
      lastEventId: new Uint8Array(16),
      activationId: new Uint8Array(16),
    };
    const hex = table.activated({ hexId, layerId: 0 }, { ...numbers, usedMs: 0, stateBytes: 0 });
    Object.assign(hex, { unsaved, unsavedSinceMs: 1000 });
  }
  const captured = (text: string): CapturedHex => ({
    keyText: text,
    hexVersion: 9,
    volatileCount: 0,
    decidedMs: 1,
    viewSeq: 9,
    durable: Uint8Array.of(1),
    volatile: new Uint8Array(0),
    readable: "{}",
  });
  return { epoch, table, capture: async (texts) => texts.map(captured) };
}

function writerOf(slots: readonly SavedSlot[]) {
  const saves: (readonly Snapshot[])[] = [];
  const writer = startSnapshotWriter({
    store: {
      connect: async () => undefined,
      load: async () => new Map(),
      save: async (snapshots) => void saves.push(snapshots),
      close: async () => undefined,
    },
    policy: defaultSnapshotPolicy,
    stateFormat: 1,
    slots: () => slots,
    worldNow: () => 2000,
    logger: createLogger({ service: "test", instance: "test", level: "silent" }),
    metrics: createWorkerMetrics(createMetrics({ processMetrics: false })),
  });
  return { writer, saves };
}

it("saves what is due of all slots together, each hex under the epoch of its slot", async () => {
  const slots = [
    slotOf(5n, hexes.slice(0, 3), 8),
    slotOf(7n, hexes.slice(3, 5), 8),
    slotOf(9n, hexes.slice(5, 7), 7),
  ];
  const { writer, saves } = writerOf(slots);
  await vi.advanceTimersByTimeAsync(250);
  expect(saves).toHaveLength(1);
  const epochOf = new Map(saves[0]!.map((each) => [each.keyText, each.epoch]));
  const textOf = (hexId: bigint) => keyText({ hexId, layerId: 0 });
  expect(epochOf).toEqual(
    new Map([
      ...hexes.slice(0, 3).map((hexId) => [textOf(hexId), 5n] as const),
      ...hexes.slice(3, 5).map((hexId) => [textOf(hexId), 7n] as const),
    ]),
  );
  for (const { table } of slots.slice(0, 2)) for (const hex of table) expect(hex.unsaved).toBe(0);
  // Seven events, one second ago: not due.
  for (const hex of slots[2]!.table) expect(hex.unsaved).toBe(7);
  await writer.stop();
});

it("keeps to its budget, and to fifty in a bulk", async () => {
  const { writer, saves } = writerOf([
    slotOf(1n, hexes.slice(0, 30), 8),
    slotOf(2n, hexes.slice(30, 61), 8),
  ]);
  await vi.advanceTimersByTimeAsync(250);
  // 200 in a second are 50 in a quarter of one.
  expect(saves.map((each) => each.length)).toEqual([50]);
  await vi.advanceTimersByTimeAsync(250);
  expect(saves.map((each) => each.length)).toEqual([50, 11]);
  await writer.stop();
});
