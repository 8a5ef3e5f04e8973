import { sha256Length } from "@hexhold/messaging";
import type { StoredResult } from "../journal/result-store.ts";

/** Answers kept per slot; a repetition of an older command is found in the store. */
const recentMax = 16_384;
/** Bytes of one generation, whatever the number of its answers. */
const generationBytesMax = 8 << 20;

/** The last durable answers of a slot, by idempotency key: most repetitions come soon after. */
export interface RecentAnswers {
  get(idempotencyKey: Uint8Array): StoredResult | undefined;
  set(idempotencyKey: Uint8Array, result: StoredResult): void;
}

/**
 * Two generations: when the younger one is full it becomes the older one, and that one is forgotten. So the last
 * {@link recentMax} / 2 answers at least are there, and the last {@link recentMax} at most, unless they are
 * larger than {@link generationBytesMax}; a cache by use costs several times as much.
 */
export function createRecentAnswers(): RecentAnswers {
  let young = new Generation();
  let old = new Generation();
  return {
    get: (idempotencyKey) => young.get(idempotencyKey) ?? old.get(idempotencyKey),
    set(idempotencyKey, result) {
      if (young.isFull) {
        [young, old] = [old, young];
        young.clear();
      }
      young.add(idempotencyKey, result);
    },
  };
}

/** Twice the number of records: a look-up then takes one step and a half. */
const placesCount = recentMax;
/** Key, payload hash and length of the answer. */
const headBytes = 2 * sha256Length + 4;

/**
 * Records one behind the other in one piece of memory, and a hash table (open addressing) of where they begin.
 * As objects of their own they would be most of what the collector keeps moving and marking.
 */
class Generation {
  /** Where a record begins, + 1; 0 = none. */
  readonly #places = new Uint32Array(placesCount);
  #bytes = Buffer.allocUnsafeSlow(4096);
  #used = 0;
  #count = 0;

  get isFull(): boolean {
    return this.#count >= placesCount / 2 || this.#used >= generationBytesMax;
  }

  get(key: Uint8Array): StoredResult | undefined {
    const place = this.#places[this.#slotOf(key)]!;
    if (place === 0) return undefined;
    const hashAt = place - 1 + sha256Length;
    const answerAt = place - 1 + headBytes;
    const answerLength = this.#bytes.readUInt32LE(answerAt - 4);
    // Copies: the memory is written again.
    return {
      payloadHash: Buffer.from(this.#bytes.subarray(hashAt, hashAt + sha256Length)),
      answer: Buffer.from(this.#bytes.subarray(answerAt, answerAt + answerLength)),
    };
  }

  /** The last record of a key counts. */
  add(key: Uint8Array, { payloadHash, answer }: StoredResult): void {
    const slot = this.#slotOf(key);
    const at = this.#reserve(headBytes + answer.length);
    this.#bytes.set(key, at);
    this.#bytes.set(payloadHash, at + sha256Length);
    this.#bytes.writeUInt32LE(answer.length, at + 2 * sha256Length);
    this.#bytes.set(answer, at + headBytes);
    this.#places[slot] = at + 1;
    this.#count++;
  }

  clear(): void {
    this.#places.fill(0);
    this.#used = 0;
    this.#count = 0;
  }

  /** Where the key is, or would be. A key is a SHA-256: its first bits are a hash of it already. */
  #slotOf(key: Uint8Array): number {
    let slot = (key[0]! | (key[1]! << 8)) % placesCount;
    for (;;) {
      const place = this.#places[slot]!;
      if (place === 0 || this.#isAt(key, place - 1)) return slot;
      slot = (slot + 1) % placesCount;
    }
  }

  #isAt(key: Uint8Array, at: number): boolean {
    for (let i = 0; i < sha256Length; i++) if (this.#bytes[at + i] !== key[i]) return false;
    return true;
  }

  #reserve(length: number): number {
    const at = this.#used;
    this.#used += length;
    if (this.#used > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#used, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }
}
