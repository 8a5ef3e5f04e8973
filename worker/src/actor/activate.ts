/** Brings the hexes that a batch needs into memory, all of them at once. */
import { uuidv7Bytes } from "@hexhold/messaging";
import type { HexTable } from "./hex-table.ts";
import { loadHexes } from "./load-hexes.ts";
import { endQuarantine, quarantine } from "./quarantine.ts";
import { type RecoveryReport, readRecovery } from "../journal/recovery.ts";
import type { HexRecovery, RulesHost } from "../rules/rules-host.ts";
import type { SlotPorts } from "../slot/slot-ports.ts";
import type { SlotStore } from "../slot/slot-store.ts";
import type { SnapshotPlace } from "../snapshot/snapshot-store.ts";

/** Hexes that are not in memory and cannot be, by key text. */
export interface ActivationReport {
  readonly quarantined: ReadonlyMap<string, string>;
  /** Their head belongs to another slot. */
  readonly moved: ReadonlySet<string>;
}

/** What the stores say of the same hexes, kept between loads for which they need not be asked again. */
export interface ReadHexes {
  report: RecoveryReport | undefined;
}

/**
 * Loads the hexes of `commands`, each as often as it likes, that `host` has not. Throws RulesHostGoneError, and what the store throws.
 *
 * @param read taken for what the stores say, or filled with it: only while nobody can have written the hexes
 */
export async function activate(
  commands: readonly SnapshotPlace[],
  table: HexTable,
  host: RulesHost,
  slot: string,
  store: SlotStore,
  ports: SlotPorts,
  read: ReadHexes = { report: undefined },
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
  const report = (read.report ??= await readHexes([...places.values()], store, ports));
  for (const { place, reason } of report.ignored) {
    ports.metrics.alarms.inc({ alarm: "snapshot-ignored" });
    ports.logger.error({ key: place.keyText, slot, reason }, "a snapshot was ignored");
  }
  const here = report.hexes.filter((hex) => {
    if (hex.slot === undefined || hex.slot === slot) return true;
    moved.add(hex.keyText);
    return false;
  });
  const context = { slot, table, store, ports };
  const faults = await loadHexes(host, here, {
    ...context,
    quarantine: ({ place }, reason) => quarantine(place, reason, context),
  });
  const failed = new Map(faults.map((fault) => [fault.keyText, fault.reason]));
  for (const { place, reason } of report.unrecoverable) failed.set(place.keyText, reason);
  for (const hex of here) {
    if (failed.has(hex.keyText)) continue;
    await endQuarantine(hex.place, context);
    const active = table.activated(hex.place.key, {
      generation,
      hexVersion: hex.hexVersion,
      lastEventId: hex.lastEventId,
      // On world time: gateways take the greater of two activations for the later one.
      activationId: uuidv7Bytes(Math.floor(ports.worldNow())),
      usedMs: ports.worldNow(),
      stateBytes: stateBytesOf(hex),
    });
    // The snapshot that was ignored is replaced.
    if (hex.snapshotIgnored) {
      active.unsaved = 1;
      active.unsavedSinceMs = ports.worldNow();
    }
  }
  for (const [keyText, reason] of failed) {
    quarantined.set(keyText, reason);
    await quarantine(places.get(keyText)!, reason, context);
  }
  ports.metrics.activation.observe((performance.now() - startedMs) / 1000);
  return { quarantined, moved };
}

async function readHexes(
  places: readonly SnapshotPlace[],
  store: SlotStore,
  ports: SlotPorts,
): Promise<RecoveryReport> {
  const snapshots = await ports.loadSnapshots(places);
  return store.run((client) => readRecovery(client, places, snapshots, ports.stateFormat));
}

function stateBytesOf({ start, tail }: HexRecovery): number {
  const began = start === undefined ? 0 : start.durable.length + start.volatile.length;
  return tail.reduce((sum, { payload }) => sum + payload.length, began);
}
