/** Hexes that cannot be served: set aside for a while, and marked in PostgreSQL for operators. */
import type { HexTable } from "./hex-table.ts";
import type { SlotPorts } from "../slot/slot-ports.ts";
import type { SlotStore } from "../slot/slot-store.ts";
import type { SnapshotPlace } from "../snapshot/snapshot-store.ts";

/** Milliseconds of world time after which a quarantined hex is looked at again. */
const quarantineMs = 30_000;

export interface QuarantineContext {
  readonly slot: string;
  readonly table: HexTable;
  readonly store: Pick<SlotStore, "run" | "epoch">;
  readonly ports: Pick<SlotPorts, "logger" | "metrics" | "worldNow">;
}

/** Sets a hex aside. Throws what the store throws. */
export async function quarantine(
  place: SnapshotPlace,
  reason: string,
  context: QuarantineContext,
): Promise<void> {
  const { slot, table, ports } = context;
  const { keyText } = place;
  table.quarantined.set(keyText, { reason, untilMs: ports.worldNow() + quarantineMs });
  ports.metrics.quarantined.inc();
  ports.logger.error({ key: keyText, slot, reason }, "a hex cannot be served and is quarantined");
  await mark(place, reason, context);
  table.marked.add(keyText);
}

/** A hex has been activated: takes its mark away, if it has one. Throws what the store throws. */
export async function endQuarantine(
  place: SnapshotPlace,
  context: QuarantineContext,
): Promise<void> {
  const { table } = context;
  table.quarantined.delete(place.keyText);
  if (!table.marked.has(place.keyText)) return;
  await mark(place, null, context);
  table.marked.delete(place.keyText);
}

async function mark(
  { key, bucket }: SnapshotPlace,
  reason: string | null,
  { slot, store }: QuarantineContext,
): Promise<void> {
  await store.run((client) =>
    client.query("SELECT world.quarantine($1, $2, $3, $4, $5, $6)", [
      slot,
      store.epoch,
      bucket,
      key.hexId,
      key.layerId,
      reason,
    ]),
  );
}
