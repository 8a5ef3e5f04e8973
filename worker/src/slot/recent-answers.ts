import { LRUCache } from "lru-cache";
import type { StoredResult } from "../journal/result-store.ts";

/** Answers kept per slot; a repetition of an older command is found in the store. */
const recentMax = 16_384;

/** The last durable answers of a slot, by keyId: most repetitions come soon after. */
export type RecentAnswers = LRUCache<string, StoredResult>;

export function createRecentAnswers(): RecentAnswers {
  return new LRUCache<string, StoredResult>({ max: recentMax });
}
