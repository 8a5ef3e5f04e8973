/** Hexes that cannot be served: set aside for a while, and marked in PostgreSQL for operators. */
import { keyText } from "@hexhold/hex";
import type { PgPool } from "@hexhold/postgres";
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

/** Marks that a slot knows of: each costs memory, and one that is not known stays until an operator removes it. */
const marksMax = 10_000;

/**
 * Key texts of the hexes that `world.quarantined_hex` names and whose head is the slot's; of one without a head nobody
 * knows whose it is. At most 10,000; `isCut`: there are more. Rejects with the driver's errors.
 */
export async function readMarks(
  pool: Pick<PgPool, "query">,
  slot: string,
): Promise<{ readonly keyTexts: readonly string[]; readonly isCut: boolean }> {
  const { rows } = await pool.query<{ hex_id: string; layer_id: string }>({
    name: "read_marks",
    // `OFFSET 0`: a look-up by the whole key each, also on tables that were never analysed.
    text: `SELECT q.hex_id, q.layer_id FROM world.quarantined_hex AS q
      LEFT JOIN LATERAL (
        SELECT slot FROM world.hex_head AS t
        WHERE t.bucket = q.bucket AND t.hex_id = q.hex_id AND t.layer_id = q.layer_id OFFSET 0) AS h ON true
      WHERE h.slot IS NULL OR h.slot = $1 LIMIT ${marksMax + 1}`,
    values: [slot],
  });
  const keyTexts = rows
    .slice(0, marksMax)
    .map((row) => keyText({ hexId: BigInt(row.hex_id), layerId: Number(row.layer_id) }));
  return { keyTexts, isCut: rows.length > marksMax };
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
