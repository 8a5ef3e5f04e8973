import { bytesText, sha256Length, textBytes } from "@hexhold/messaging";
import type { StoredResult } from "../journal/result-store.ts";

/** Answers kept per slot; a repetition of an older command is found in the store. */
const recentMax = 16_384;

/** The last durable answers of a slot, by keyId: most repetitions come soon after. */
export interface RecentAnswers {
  get(keyId: string): StoredResult | undefined;
  set(keyId: string, result: StoredResult): void;
}

/**
 * Two generations: when the younger one is full it becomes the older one, and that one is forgotten. So the last
 * {@link recentMax} / 2 answers at least are there, and the last {@link recentMax} at most, for one write in a
 * map a command; a cache by use costs several times as much.
 */
export function createRecentAnswers(): RecentAnswers {
  // One text each, hash before answer: as arrays they would be most of what the collector has to look at.
  let young = new Map<string, string>();
  let old = new Map<string, string>();
  return {
    get(keyId) {
      const text = young.get(keyId) ?? old.get(keyId);
      if (text === undefined) return undefined;
      const bytes = textBytes(text);
      return { payloadHash: bytes.subarray(0, sha256Length), answer: bytes.subarray(sha256Length) };
    },
    set(keyId, { payloadHash, answer }) {
      if (young.size >= recentMax / 2) {
        old = young;
        young = new Map();
      }
      young.set(keyId, bytesText(payloadHash) + bytesText(answer));
    },
  };
}
