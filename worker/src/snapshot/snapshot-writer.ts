/**
 * Snapshots in the background, never in the path of a command: every 8 events or 10 s of a hex, whichever
 * comes first, within a budget of writes a second and of time: a store that is slow is given rest, since what
 * it spends is missing elsewhere. Behind the budget the newest state of a hex wins.
 */
import { sha256 } from "@hexhold/messaging";
import type { Logger } from "@hexhold/telemetry";
import type { ActiveHex } from "../actor/hex-table.ts";
import type { SlotRunner } from "../slot/slot-runner.ts";
import type { WorkerMetrics } from "../worker-metrics.ts";
import type { Snapshot, SnapshotStore } from "./snapshot-store.ts";

export interface SnapshotPolicy {
  /** Applied events after which a hex is due; 5…10. */
  readonly events: number;
  /** Time after which a changed hex is due. */
  readonly maxAgeMs: number;
  readonly writesPerSMax: number;
}

export const defaultSnapshotPolicy: SnapshotPolicy = {
  events: 8,
  maxAgeMs: 10_000,
  writesPerSMax: 200,
};

/** A slot as its hexes are saved. */
export type SavedSlot = Pick<SlotRunner, "epoch" | "table" | "capture">;

export interface SnapshotWriterOptions {
  readonly store: SnapshotStore;
  readonly policy: SnapshotPolicy;
  readonly stateFormat: number;
  readonly slots: () => Iterable<SavedSlot>;
  readonly worldNow: () => number;
  readonly logger: Logger;
  readonly metrics: WorkerMetrics;
}

export interface SnapshotWriter {
  /** Saves hexes of a slot now, beside the budget. Never rejects; what could not be saved stays unsaved. */
  save(slot: SavedSlot, hexes: readonly ActiveHex[]): Promise<void>;
  /**
   * Saves what of a slot has no snapshot, regardless of the budget: everything, or what no journal has.
   * Never rejects.
   */
  flush(slot: SavedSlot, what: "all" | "volatile"): Promise<void>;
  stop(): Promise<void>;
}

interface HexOfSlot {
  readonly slot: SavedSlot;
  readonly hex: ActiveHex;
}

const tickMs = 250;
const bulkMax = 50;
/** Of its time that the writer may spend saving; a store that takes 200 writes/s in less is not slowed down. */
const timeShareMax = 0.1;

export function startSnapshotWriter(options: SnapshotWriterOptions): SnapshotWriter {
  const { policy, metrics, logger } = options;
  const perTick = (policy.writesPerSMax * tickMs) / 1000;
  let budget = 0;
  let restUntilMs = 0;
  let running: Promise<void> = Promise.resolve();
  let busy = false;
  let failing = false;

  const timer = setInterval(() => {
    budget = Math.min(budget + perTick, Math.max(2 * perTick, 1));
    const startedMs = performance.now();
    if (busy || startedMs < restUntilMs) return;
    busy = true;
    running = tick().finally(() => {
      busy = false;
      const endedMs = performance.now();
      restUntilMs = endedMs + (endedMs - startedMs) * (1 / timeShareMax - 1);
    });
  }, tickMs);
  timer.unref();

  function isDue(hex: ActiveHex, nowMs: number): boolean {
    return (
      hex.unsaved > 0 &&
      (hex.unsaved >= policy.events || nowMs - hex.unsavedSinceMs >= policy.maxAgeMs)
    );
  }

  async function tick(): Promise<void> {
    const nowMs = options.worldNow();
    let oldestMs = nowMs;
    const due: HexOfSlot[] = [];
    for (const slot of options.slots()) {
      for (const hex of slot.table) {
        if (hex.unsaved > 0) oldestMs = Math.min(oldestMs, hex.unsavedSinceMs);
        if (isDue(hex, nowMs)) due.push({ slot, hex });
      }
    }
    metrics.snapshotLag.set((nowMs - oldestMs) / 1000);
    due.sort((a, b) => a.hex.unsavedSinceMs - b.hex.unsavedSinceMs);
    const chosen = due.slice(0, Math.floor(budget));
    budget -= chosen.length;
    for (let from = 0; from < chosen.length; from += bulkMax) {
      await save(chosen.slice(from, from + bulkMax));
    }
  }

  /** One bulk of the store, of however many slots: it costs by the bulk more than by the hex. */
  async function save(items: readonly HexOfSlot[]): Promise<void> {
    const before = new Map(
      items.map(({ slot, hex }) => {
        const { unsaved, unsavedVolatile } = hex;
        return [hex.keyText, { hex, epoch: slot.epoch, unsaved, unsavedVolatile }];
      }),
    );
    try {
      const captured = await Promise.all(
        [...Map.groupBy(items, ({ slot }) => slot)].map(([slot, own]) =>
          slot.capture(own.map(({ hex }) => hex.keyText)),
        ),
      );
      const nowMs = options.worldNow();
      const snapshots = captured.flat().flatMap((item): Snapshot[] => {
        const { hex, epoch } = before.get(item.keyText)!;
        hex.stateBytes = item.durable.length + item.volatile.length;
        const lastEventId = hex.lastEvents.at(item.hexVersion);
        // So much was committed meanwhile that its event is forgotten, or it is behind a compacted state.
        if (item.hexVersion > 0 && lastEventId === undefined) {
          before.delete(item.keyText);
          return [];
        }
        return [
          {
            ...item,
            key: hex.key,
            bucket: hex.bucket,
            epoch,
            lastEventId,
            stateFormat: options.stateFormat,
            durableHash: sha256(item.durable),
            updatedMs: nowMs,
          },
        ];
      });
      if (snapshots.length > 0) await options.store.save(snapshots);
      metrics.snapshots.inc(snapshots.length);
      for (const { hex, unsaved, unsavedVolatile } of before.values()) {
        hex.unsaved -= unsaved;
        hex.unsavedVolatile -= unsavedVolatile;
        hex.unsavedSinceMs = nowMs;
      }
      failing = false;
    } catch (error) {
      metrics.snapshotFailures.inc();
      if (!failing) logger.warn({ err: error }, "snapshots cannot be written");
      failing = true;
    }
  }

  async function saveAll(slot: SavedSlot, hexes: readonly ActiveHex[]): Promise<void> {
    for (let from = 0; from < hexes.length; from += bulkMax) {
      await save(hexes.slice(from, from + bulkMax).map((hex) => ({ slot, hex })));
      if (failing) return;
    }
  }

  return {
    save: saveAll,
    flush: (slot, what) =>
      saveAll(
        slot,
        [...slot.table].filter((hex) => (what === "all" ? hex.unsaved : hex.unsavedVolatile) > 0),
      ),
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
