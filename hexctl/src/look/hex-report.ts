/** All that is known of one hex: stored, and in the memory of its owner. */
import { AdminService } from "@hexhold/gen/hexhold/admin/v1/admin_pb";
import { bucketOf, type Key, keyText, partitionOf, slotOfPartition } from "@hexhold/hex";
import { createMessageRegistry } from "@hexhold/messaging";
import type { PgClient } from "@hexhold/postgres";
import { openChannel } from "@hexhold/rpc";
import type { Status } from "../status-file.ts";
import type { SnapshotStanding, VerifyFault } from "../verify/verify-report.ts";
import { readLife, verifyHex } from "../verify/verify-world.ts";
import type { WorldStores } from "../world-stores.ts";
import { type JournalRow, journalLine, lastRows } from "./journal-rows.ts";
import { type Readable, readableMessage } from "./readable-message.ts";

export interface HexReport {
  readonly key: string;
  readonly bucket: number;
  /** Queue and lease by which it is served. */
  readonly slot: string;
  /** As in PostgreSQL; null = the slot was never taken. */
  readonly owner: {
    readonly instance: string;
    readonly epoch: string;
    readonly takenAt: string;
    /** The owner has given the slot back, and nobody has taken it since. */
    readonly released: boolean;
  } | null;
  /** Null = nothing has happened in it yet. */
  readonly head: {
    readonly hexVersion: number;
    readonly epoch: string;
    readonly decidedAt: string;
  } | null;
  /** What the journal folds to, by the rules of the game; null = it cannot be folded, see `faults`. */
  readonly state: Readable | null;
  /** The short form of the state that documents have. */
  readonly readable: Readable | null;
  /** Of the owner's memory, when a world runs here; else why it is not known. */
  readonly memory:
    | { readonly active: true; readonly hexVersion: string; readonly stateHash: string }
    | { readonly active: false; readonly note: string };
  readonly snapshot: {
    readonly place: string;
    readonly standing: SnapshotStanding;
    readonly hexVersion?: number;
    readonly savedAt?: string;
  };
  /** Null = it can be activated, as far as is known. */
  readonly quarantine: { readonly reason: string; readonly since: string } | null;
  /** As `hexctl verify` finds them. */
  readonly faults: readonly VerifyFault[];
  /** The newest first. */
  readonly journal: readonly JournalRow[];
}

const callTimeoutMs = 2000;

/** Reads it. Rejects when PostgreSQL or the store of snapshots does not answer; a router that does not is noted. */
export async function readHexReport(
  client: PgClient,
  stores: WorldStores,
  status: Status | undefined,
  key: Key,
  rowCount: number,
): Promise<HexReport> {
  const text = keyText(key);
  const bucket = bucketOf(key);
  const { game } = stores;
  const registry = createMessageRegistry(game.descriptors);
  const memory = await readMemory(status, text);
  const life = await readLife(client);
  const rules = { game, registry, life, exact: false };
  const verdict = await verifyHex(client, stores.snapshots, rules, key);
  const snapshot = (await stores.snapshots.load([{ key, keyText: text, bucket }])).get(text);
  const head = await readHead(client, key);
  const slot = head?.slot ?? slotOfPartition(partitionOf(key, stores.partitions));
  const parts = verdict?.parts;
  return {
    key: text,
    bucket,
    slot,
    owner: await readOwner(client, slot),
    head:
      head === undefined
        ? null
        : {
            hexVersion: Number(head.hex_version),
            epoch: head.epoch,
            decidedAt: head.decided_at.toISOString(),
          },
    state: parts === undefined ? null : readableMessage(game.hex.durableSchema, parts.durable),
    readable: parts === undefined ? null : game.hex.readable(parts),
    memory,
    snapshot: {
      place: `${stores.snapshotPlace}, ${text}`,
      standing: verdict?.snapshot ?? "missing",
      ...(snapshot === undefined
        ? {}
        : {
            hexVersion: snapshot.hexVersion,
            savedAt: new Date(snapshot.updatedMs).toISOString(),
          }),
    },
    quarantine: await readQuarantine(client, key),
    faults: verdict?.faults ?? [],
    journal: await lastRows(client, key, rowCount, registry),
  };
}

/** Lines for people. */
export function hexLines(report: HexReport): string[] {
  const { owner, head, memory, snapshot, quarantine } = report;
  const line = (name: string, value: string): string => `${name.padEnd(12)}${value}`;
  return [
    line("hex", `${report.key}, bucket ${report.bucket}, slot ${report.slot}`),
    line(
      "owner",
      owner === null
        ? "nobody has ever owned the slot"
        : `${owner.instance}, epoch ${owner.epoch}, since ${owner.takenAt}${owner.released ? ", released" : ""}`,
    ),
    line(
      "version",
      head === null
        ? "0: nothing has happened here"
        : `${head.hexVersion}, epoch ${head.epoch}, decided ${head.decidedAt}`,
    ),
    line("memory", memory.active ? `version ${memory.hexVersion}` : memory.note),
    line(
      "snapshot",
      `${snapshot.standing}${snapshot.hexVersion === undefined ? "" : `, version ${snapshot.hexVersion}, saved ${snapshot.savedAt}`} (${snapshot.place})`,
    ),
    line(
      "quarantine",
      quarantine === null ? "no" : `since ${quarantine.since}: ${quarantine.reason}`,
    ),
    ...report.faults.map(({ what, expected, found }) =>
      line("FAULT", `${what}: expected ${expected}, found ${found}`),
    ),
    line("readable", JSON.stringify(report.readable)),
    line("state", JSON.stringify(report.state)),
    `journal, the last ${report.journal.length} rows`,
    ...report.journal.map((row) => journalLine(row, false)),
  ];
}

async function readMemory(status: Status | undefined, key: string): Promise<HexReport["memory"]> {
  const { admin } = status?.endpoints ?? {};
  if (admin === undefined) return { active: false, note: "no world runs here" };
  const channel = openChannel(admin, { token: status?.adminToken ?? "", callTimeoutMs });
  try {
    const { active, hexVersion, stateHash, note, quarantined } = await channel
      .client(AdminService)
      .getHex({ key });
    if (active) return { active, hexVersion: hexVersion.toString(), stateHash };
    return { active, note: quarantined === "" ? note : `quarantined: ${quarantined}` };
  } catch (error) {
    return { active: false, note: `not known: ${(error as Error).message}` };
  } finally {
    channel.close();
  }
}

interface HeadRow {
  readonly hex_version: string;
  readonly epoch: string;
  readonly slot: string;
  readonly decided_at: Date;
}

async function readHead(client: PgClient, key: Key): Promise<HeadRow | undefined> {
  const { rows } = await client.query<HeadRow>(
    `SELECT hex_version, epoch, slot, decided_at FROM world.hex_head
     WHERE bucket = $1 AND hex_id = $2 AND layer_id = $3`,
    [bucketOf(key), key.hexId.toString(), key.layerId],
  );
  return rows[0];
}

async function readOwner(client: PgClient, slot: string): Promise<HexReport["owner"]> {
  const { rows } = await client.query<{
    owner: string;
    epoch: string;
    taken_at: Date;
    released: boolean;
  }>("SELECT owner, epoch, taken_at, released FROM world.slot WHERE slot = $1", [slot]);
  const [row] = rows;
  if (row === undefined) return null;
  const [instance = ""] = row.owner.split("#");
  const { epoch, released } = row;
  return { instance, epoch, takenAt: row.taken_at.toISOString(), released };
}

async function readQuarantine(client: PgClient, key: Key): Promise<HexReport["quarantine"]> {
  const { rows } = await client.query<{ reason: string; since: Date }>(
    `SELECT reason, since FROM world.quarantined_hex
     WHERE bucket = $1 AND hex_id = $2 AND layer_id = $3`,
    [bucketOf(key), key.hexId.toString(), key.layerId],
  );
  const [row] = rows;
  return row === undefined ? null : { reason: row.reason, since: row.since.toISOString() };
}
