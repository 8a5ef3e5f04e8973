import { bytesText, sha256Length, textBytes } from "@hexhold/messaging";
import { LRUCache } from "lru-cache";
import type { StoredResult } from "../journal/result-store.ts";

/** Answers kept per slot; a repetition of an older command is found in the store. */
const recentMax = 16_384;

/** The last durable answers of a slot, by keyId: most repetitions come soon after. */
export interface RecentAnswers {
  get(keyId: string): StoredResult | undefined;
  set(keyId: string, result: StoredResult): void;
}

export function createRecentAnswers(): RecentAnswers {
  // One text each, hash before answer: as arrays they would be most of what the collector has to look at.
  const answers = new LRUCache<string, string>({ max: recentMax });
  return {
    get(keyId) {
      const text = answers.get(keyId);
      if (text === undefined) return undefined;
      const bytes = textBytes(text);
      return { payloadHash: bytes.subarray(0, sha256Length), answer: bytes.subarray(sha256Length) };
    },
    set(keyId, { payloadHash, answer }) {
      answers.set(keyId, bytesText(payloadHash) + bytesText(answer));
    },
  };
}
