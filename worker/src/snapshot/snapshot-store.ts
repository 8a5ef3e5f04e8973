/** Where snapshots and the readable world are kept. Never the truth: what is lost or wrong is rebuilt. */
import type { Key } from "@hexhold/hex";

export interface Snapshot {
  readonly key: Key;
  readonly keyText: string;
  readonly bucket: number;
  /** Snapshots go forward only, in (epoch, hexVersion, volatileCount). */
  readonly epoch: bigint;
  readonly hexVersion: number;
  /** The journal's event at `hexVersion`, 16 bytes: a snapshot that names another one is of another history. */
  readonly lastEventId: Uint8Array | undefined;
  readonly volatileCount: number;
  readonly stateFormat: number;
  readonly durable: Uint8Array;
  /** SHA-256 of `durable`. */
  readonly durableHash: Uint8Array;
  readonly volatile: Uint8Array;
  /** JSON object, readable by people. */
  readonly readable: string;
  /** When it was saved, for people: by the clock of the worker or of the store. */
  readonly updatedMs: number;
}

/** Names a hex in a store. */
export interface SnapshotPlace {
  readonly key: Key;
  readonly keyText: string;
  readonly bucket: number;
}

export interface SnapshotStore {
  /** Opens connections, so that the first load does not wait for them. Rejects when there are none to be had. */
  connect(): Promise<void>;
  /** Snapshots of those of `places` that have one, by key text. Rejects when the store does not answer. */
  load(places: readonly SnapshotPlace[]): Promise<ReadonlyMap<string, Snapshot>>;
  /** Writes each unless a newer one is there. Rejects when the store does not answer. */
  save(snapshots: readonly Snapshot[]): Promise<void>;
  /**
   * Says whose snapshots may be here: a store without a mark is marked as this world's, from now on nothing is read from
   * or written to one with another world's. Rejects with {@link ForeignSnapshotsError}, or when it does not answer; then
   * it is compared before the next operation. Absent where snapshots lie in the world's own database.
   */
  claim?(worldId: string): Promise<void>;
  /** Idempotent: a start that fails closes it, and so does who has opened it. */
  close(): Promise<void>;
}

/** The store holds the snapshots of another world. */
export class ForeignSnapshotsError extends Error {
  readonly code = "FOREIGN_SNAPSHOTS";
  constructor(worldId: string, ours: string) {
    super(
      `MongoDB holds the snapshots of the world ${worldId}, and this is the world ${ours}: give each a MongoDB or a ` +
        "database of it (worker.mongodbDatabase) of its own; where the other world is gone, drop the database: a world " +
        "makes its snapshots again from its journal",
    );
    this.name = "ForeignSnapshotsError";
  }
}
