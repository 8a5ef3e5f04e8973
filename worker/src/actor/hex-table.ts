/** What the driver knows of the hexes of one slot that are in the rules host's memory. */
import { bucketOf, type Key, keyText, regionOf } from "@hexhold/hex";

/** A hex that was loaded, and how far it has come. */
export interface ActiveHex {
  readonly key: Key;
  readonly keyText: string;
  readonly bucket: number;
  readonly region: string;
  /** UUIDv7 minted when it was loaded: view numbers count from 1 within it. */
  readonly activationId: Uint8Array;
  /** Generation of the rules host in which it lives. */
  readonly generation: number;
  hexVersion: number;
  /** The last event of each of the last commits, by the version that it made; what a snapshot is proved by. */
  readonly lastEvents: LastEvents;
  viewSeq: number;
  /** World time of the last command for it. */
  usedMs: number;
  /** Of its state, encoded, when it was last seen so: loaded or captured. */
  stateBytes: number;
  /** World time of its last change; 0 = none since it was loaded. */
  changedMs: number;
  /** Changes that no snapshot has yet. */
  unsaved: number;
  /** Those among them that no journal has. */
  unsavedVolatile: number;
  /** World time of the first of them. */
  unsavedSinceMs: number;
}

/** Commits that are remembered: as many as may pass while a state is captured. */
const lastEventsMax = 16;

/** Ids of the last events of a hex's commits. */
export class LastEvents {
  readonly #ids: { readonly hexVersion: number; readonly eventId: Uint8Array }[] = [];

  add(hexVersion: number, eventId: Uint8Array): void {
    if (this.#ids.length >= lastEventsMax) this.#ids.shift();
    this.#ids.push({ hexVersion, eventId });
  }

  /** The event that made `hexVersion`, if it was the last one of a commit that is remembered. */
  at(hexVersion: number): Uint8Array | undefined {
    return this.#ids.find((item) => item.hexVersion === hexVersion)?.eventId;
  }
}

/** Never grows beyond the keys of one slot; passivation shrinks it. */
export class HexTable {
  readonly #hexes = new Map<string, ActiveHex>();
  /** Why a hex cannot be activated, and when to look again (world time). */
  readonly quarantined = new Map<string, { reason: string; untilMs: number }>();

  /** Key texts of hexes that `world.quarantined_hex` names: the mark goes when one has been activated. */
  readonly marked = new Set<string>();
  /** Attempts at which the rules ended while a hex was loaded, by key text, until it has been loaded. */
  readonly loadAttempts = new Map<string, number>();

  get size(): number {
    return this.#hexes.size;
  }

  /** The hex, if it lives in the host's current generation. */
  find(text: string, generation: number): ActiveHex | undefined {
    const hex = this.#hexes.get(text);
    return hex?.generation === generation ? hex : undefined;
  }

  activated(
    key: Key,
    numbers: {
      generation: number;
      hexVersion: number;
      /** 16 bytes; undefined at version 0. */
      lastEventId: Uint8Array | undefined;
      activationId: Uint8Array;
      usedMs: number;
      stateBytes: number;
    },
  ): ActiveHex {
    const text = keyText(key);
    const before = this.#hexes.get(text);
    const { lastEventId, ...rest } = numbers;
    const lastEvents = new LastEvents();
    if (lastEventId !== undefined) lastEvents.add(numbers.hexVersion, lastEventId);
    const hex: ActiveHex = {
      key,
      lastEvents,
      keyText: text,
      bucket: before?.bucket ?? bucketOf(key),
      region: before?.region ?? regionOf(key.hexId),
      viewSeq: 0,
      changedMs: 0,
      unsaved: 0,
      unsavedVolatile: 0,
      unsavedSinceMs: 0,
      ...rest,
    };
    this.#hexes.set(text, hex);
    return hex;
  }

  forget(texts: Iterable<string>): void {
    for (const text of texts) this.#hexes.delete(text);
  }

  /** The rules host and all that it had in memory are gone. */
  dropHexes(): void {
    this.#hexes.clear();
  }

  clear(): void {
    this.#hexes.clear();
    this.quarantined.clear();
    this.loadAttempts.clear();
  }

  [Symbol.iterator](): IterableIterator<ActiveHex> {
    return this.#hexes.values();
  }
}
