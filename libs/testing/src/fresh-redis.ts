import { Redis } from "ioredis";
import { freshName, providedStack } from "./provided-stack.ts";

export interface FreshRedis {
  readonly url: string;
  /** For every key: on a server that is not ours it is all that keeps tests apart. */
  readonly prefix: string;
  /**
   * Whether the URL leads to a logical database of this test alone, which it may flush.
   * False on a server given by URL.
   */
  readonly mayFlush: boolean;
}

/** An empty place in Redis: a logical database of its own (private server), and a prefix in any case. */
export async function freshRedis(): Promise<FreshRedis> {
  const { url, isPrivate } = providedStack().redis;
  const prefix = `${freshName()}:`;
  if (!isPrivate) {
    return { url, prefix, mayFlush: false };
  }
  const client = new Redis(url);
  try {
    const number = await client.incr("hexhold_test_databases");
    const own = new URL(url);
    own.pathname = `/${number}`;
    return { url: own.href, prefix, mayFlush: true };
  } finally {
    client.disconnect();
  }
}

/** Deletes the keys that begin with a prefix. */
export async function dropRedisKeys(url: string, prefix: string): Promise<void> {
  const client = new Redis(url);
  try {
    for await (const keys of client.scanStream({ match: `${prefix}*`, count: 500 })) {
      const found = keys as string[];
      if (found.length > 0) {
        await client.unlink(found);
      }
    }
  } finally {
    client.disconnect();
  }
}
