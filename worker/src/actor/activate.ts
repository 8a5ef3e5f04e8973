/** Brings the hexes that a batch needs into memory, all of them at once. */
import { uuidv7Bytes } from "@hexhold/messaging";
import type { Command } from "./command.ts";
import type { HexTable } from "./hex-table.ts";
import { readRecovery } from "../journal/recovery.ts";
import type { HexRecovery, RulesHost } from "../rules/rules-host.ts";
import type { SlotPorts } from "../slot/slot-ports.ts";
import type { SlotStore } from "../slot/slot-store.ts";
import type { SnapshotPlace } from "../snapshot/snapshot-store.ts";

/** A hex that cannot be activated is looked at again after this time. */
const quarantineMs = 30_000;

/** Hexes that are not in memory and cannot be, by key text. */
export interface ActivationReport {
  readonly quarantined: ReadonlyMap<string, string>;
  /** Their head belongs to another slot. */
  readonly moved: ReadonlySet<string>;
}

/**
 * Loads the hexes of `commands` that `host` has not. Throws RulesHostGoneError, and what the store throws.
 */
export async function activate(
  commands: readonly Command[],
  table: HexTable,
  host: RulesHost,
  slot: string,
  store: SlotStore,
  ports: SlotPorts,
): Promise<ActivationReport> {
  const quarantined = new Map<string, string>();
  const moved = new Set<string>();
  const places = new Map<string, SnapshotPlace>();
  const { generation } = host;
  for (const { key, keyText, bucket } of commands) {
    if (table.find(keyText, generation) !== undefined || places.has(keyText)) continue;
    const known = table.quarantined.get(keyText);
    if (known !== undefined && known.untilMs > ports.worldNow())
      quarantined.set(keyText, known.reason);
    else places.set(keyText, { key, keyText, bucket });
  }
  if (places.size === 0) return { quarantined, moved };

  const startedMs = performance.now();
  const snapshots = await ports.loadSnapshots([...places.values()]);
  const report = await store.run((client) =>
    readRecovery(client, [...places.values()], snapshots, ports.stateFormat),
  );
  for (const { place, reason } of report.ignored) {
    ports.metrics.alarms.inc({ alarm: "snapshot-ignored" });
    ports.logger.error({ key: place.keyText, slot, reason }, "a snapshot was ignored");
  }
  const here = report.hexes.filter((hex) => {
    if (hex.slot === undefined || hex.slot === slot) return true;
    moved.add(hex.keyText);
    return false;
  });
  const faults = await host.load(slot, here);
  const failed = new Map(faults.map((fault) => [fault.keyText, fault.reason]));
  for (const { place, reason } of report.unrecoverable) failed.set(place.keyText, reason);
  for (const hex of here) {
    if (failed.has(hex.keyText)) continue;
    table.quarantined.delete(hex.keyText);
    table.activated(hex.place.key, {
      generation,
      hexVersion: hex.hexVersion,
      // On world time: gateways take the greater of two activations for the later one.
      activationId: uuidv7Bytes(Math.floor(ports.worldNow())),
      usedMs: ports.worldNow(),
      stateBytes: stateBytesOf(hex),
    });
  }
  for (const [keyText, reason] of failed) {
    quarantined.set(keyText, reason);
    table.quarantined.set(keyText, { reason, untilMs: ports.worldNow() + quarantineMs });
    ports.metrics.quarantined.inc();
    ports.logger.error(
      { key: keyText, slot, reason },
      "a hex cannot be activated and is quarantined",
    );
    const place = places.get(keyText)!;
    await store.run((client) =>
      client.query("SELECT world.quarantine($1, $2, $3, $4, $5, $6)", [
        slot,
        store.epoch,
        place.bucket,
        place.key.hexId,
        place.key.layerId,
        reason,
      ]),
    );
  }
  ports.metrics.activation.observe((performance.now() - startedMs) / 1000);
  return { quarantined, moved };
}

function stateBytesOf({ start, tail }: HexRecovery): number {
  const began = start === undefined ? 0 : start.durable.length + start.volatile.length;
  return tail.reduce((sum, { payload }) => sum + payload.length, began);
}
