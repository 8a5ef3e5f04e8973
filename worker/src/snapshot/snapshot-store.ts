/** Where snapshots and the readable world are kept. Never the truth: what is lost or wrong is rebuilt. */
import type { Key } from "@hexhold/hex";

export interface Snapshot {
  readonly key: Key;
  readonly keyText: string;
  readonly bucket: number;
  /** Snapshots go forward only, in (epoch, hexVersion, volatileCount). */
  readonly epoch: bigint;
  readonly hexVersion: number;
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
  close(): Promise<void>;
}
