import { storeRefusal } from "@hexhold/config";
import { Redis } from "ioredis";
import {
  ForeignLeaseStoreError,
  type Lease,
  type LeaseStore,
  LeaseStoreError,
} from "../lease-store.ts";

export interface RedisLeaseStoreOptions {
  readonly url: string;
  /** Before each key (default none). */
  readonly prefix?: string;
  /**
   * UUID text. The store is then marked as this world's (key `world`), and every operation rejects with
   * {@link ForeignLeaseStoreError} where another world's mark is. Default: neither marks nor compares.
   */
  readonly worldId?: string;
  /** For one operation, connecting included (default 1000). */
  readonly timeoutMs?: number;
}

/**
 * Before each script: the last key is that of the mark, the last argument the world; both are taken away. An empty store
 * becomes this world's, also when it was emptied while the world runs.
 */
const markScript = `
local mark, world = table.remove(KEYS), table.remove(ARGV)
if world ~= '' then
  local found = redis.call('GET', mark)
  if not found then
    redis.call('SET', mark, world)
  elseif found ~= world then
    return redis.error_reply('FOREIGNWORLD ' .. found)
  end
end`;
const foreignReply = /FOREIGNWORLD (\S+)/;

/** KEYS: lease. ARGV: holder, ttl, from. Returns nothing, or holder and time left of who is in the way. */
const takeScript = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and holder ~= ARGV[3] then
  return { holder, redis.call('PTTL', KEYS[1]) }
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {}`;

/** KEYS: leases. ARGV: holder, ttl. Returns the places, from 1, of those that somebody else has. */
const renewScript = `
local taken = {}
for place, key in ipairs(KEYS) do
  local holder = redis.call('GET', key)
  if holder and holder ~= ARGV[1] then
    taken[#taken + 1] = place
  else
    redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
  end
end
return taken`;

/** KEYS: leases. ARGV: holder. */
const releaseScript = `
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end
end
return 0`;

/** KEYS: leases. Returns holder (or '') and time left of each, one after the other. */
const readScript = `
local found = {}
for _, key in ipairs(KEYS) do
  found[#found + 1] = redis.call('GET', key) or ''
  found[#found + 1] = redis.call('PTTL', key)
end
return found`;

/** Leases in Redis, under `lease:<slot>`; every operation is one script, so it is atomic. */
export function createRedisLeaseStore(options: RedisLeaseStoreOptions): LeaseStore {
  const timeoutMs = options.timeoutMs ?? 1_000;
  const redis = new Redis(options.url, {
    lazyConnect: true,
    enableReadyCheck: false,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    // What cannot be sent within the time-out fails: a renewal that comes late is worth nothing.
    maxRetriesPerRequest: 1,
    retryStrategy: (attempt: number) => Math.min(100 * attempt, 1_000),
  });
  // An unheard `error` would be printed; each operation reports its own failure, but for a refused password: an
  // operation that waits for the connection fails for having waited.
  let refused: unknown;
  redis.on("error", (error: Error) => {
    if (storeRefusal(error) !== undefined) refused = error;
  });
  redis.on("ready", () => (refused = undefined));
  const markKey = `${options.prefix ?? ""}world`;
  const worldId = options.worldId ?? "";
  const keyOf = (slot: string): string => `${options.prefix ?? ""}lease:${slot}`;

  async function run(
    operation: string,
    script: string,
    slots: readonly string[],
    values: readonly (string | number)[],
  ): Promise<unknown> {
    try {
      const keys = [...slots.map(keyOf), markKey];
      return await redis.eval(`${markScript}${script}`, keys.length, ...keys, ...values, worldId);
    } catch (error) {
      const [, other] = foreignReply.exec((error as Error).message) ?? [];
      if (other !== undefined) throw new ForeignLeaseStoreError(other, worldId);
      throw new LeaseStoreError(operation, refused ?? error);
    }
  }

  return {
    async take(slot, holder, ttlMs, from = "") {
      const answer = await run("take", takeScript, [slot], [holder, ttlMs, from]);
      const [other, left] = answer as [string?, number?];
      return other === undefined ? undefined : leaseOf(other, left);
    },
    async renew(slots, holder, ttlMs) {
      if (slots.length === 0) return [];
      const taken = (await run("renew", renewScript, slots, [holder, ttlMs])) as number[];
      return taken.flatMap((place) => slots[place - 1] ?? []);
    },
    async release(slots, holder) {
      if (slots.length > 0) await run("release", releaseScript, slots, [holder]);
    },
    async read(slots) {
      const found = new Map<string, Lease>();
      if (slots.length === 0) return found;
      const answer = (await run("read", readScript, slots, [])) as (string | number)[];
      for (const [place, slot] of slots.entries()) {
        const holder = String(answer[2 * place] ?? "");
        if (holder !== "") found.set(slot, leaseOf(holder, Number(answer[2 * place + 1])));
      }
      return found;
    },
    async close() {
      redis.disconnect();
    },
  };
}

function leaseOf(holder: string, ttlMs: number | undefined): Lease {
  // -1: a lease without an end, which nobody here makes; 0 lets it be taken at once.
  return { holder, ttlMs: Math.max(0, ttlMs ?? 0) };
}
