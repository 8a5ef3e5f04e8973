import type { SlotRunner } from "../slot/slot-runner.ts";
import type { WorkerMetrics } from "../worker-metrics.ts";
import type { ActiveHex } from "./hex-table.ts";
import { choosePassive, type PassivationChoice, type PassivationLimits } from "./passivation.ts";

export interface PassivatorOptions {
  readonly limits: PassivationLimits;
  readonly slots: () => Iterable<SlotRunner>;
  readonly worldNow: () => number;
  /** Saves hexes of a slot now. Never rejects. */
  readonly save: (slot: SlotRunner, hexes: readonly ActiveHex[]) => Promise<void>;
  readonly metrics: WorkerMetrics;
}

const tickMs = 1000;
/** Saved at a time, so that one look does not hold up the snapshots that are due. */
const savesMax = 200;

/** Looks every second which actors leave memory. Returns how to end it. */
export function startPassivator(options: PassivatorOptions): () => void {
  const { limits, metrics } = options;
  let saving = false;
  /** Slots that have not settled what they were asked: one whose store is away does not before it is back. */
  const asked = new Set<SlotRunner>();

  function tick(): void {
    const slots = [...options.slots()];
    const hexes = slots.flatMap((slot) => [...slot.table]);
    const choice = choosePassive(hexes, limits, options.worldNow());
    metrics.actorMemory.set(choice.memoryBytes);
    const slotOf = (hex: ActiveHex): SlotRunner =>
      slots.find(({ table }) => table.find(hex.keyText, hex.generation) === hex)!;
    for (const [slot, chosen] of Map.groupBy(choice.passivate, ({ hex }) => slotOf(hex))) {
      if (!asked.has(slot)) void passivate(slot, chosen);
    }
    if (saving || choice.save.length === 0) return;
    saving = true;
    const due = Map.groupBy(choice.save.slice(0, savesMax), slotOf);
    void saveAll(due).finally(() => (saving = false));
  }

  async function passivate(
    slot: SlotRunner,
    chosen: PassivationChoice<ActiveHex>["passivate"],
  ): Promise<void> {
    asked.add(slot);
    try {
      const gone = await slot.passivate(chosen.map(({ hex }) => hex));
      for (const { hex, cause } of chosen) if (gone.has(hex)) metrics.passivated.inc({ cause });
    } finally {
      asked.delete(slot);
    }
  }

  async function saveAll(due: ReadonlyMap<SlotRunner, readonly ActiveHex[]>): Promise<void> {
    for (const [slot, hexes] of due) await options.save(slot, hexes);
  }

  const timer = setInterval(tick, tickMs);
  timer.unref();
  return () => clearInterval(timer);
}
