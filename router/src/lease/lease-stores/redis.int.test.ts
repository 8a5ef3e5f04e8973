import { freshRedis } from "@hexhold/testing";
import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { testLeaseStore } from "../lease-store-contract.ts";
import { LeaseStoreError } from "../lease-store.ts";
import { createRedisLeaseStore } from "./redis.ts";

describe("leases in Redis", () => {
  testLeaseStore(async () => {
    const { url, prefix } = await freshRedis();
    const again = () => createRedisLeaseStore({ url, prefix });
    return { store: again(), again };
  });

  test("the key is lease:<slot> behind the prefix, its value the holder", async () => {
    const { url, prefix } = await freshRedis();
    const store = createRedisLeaseStore({ url, prefix });
    await store.take("cmd.p3", "worker-1#a", 5_000);
    const redis = new Redis(url);
    expect(await redis.get(`${prefix}lease:cmd.p3`)).toBe("worker-1#a");
    expect(await redis.pttl(`${prefix}lease:cmd.p3`)).toBeGreaterThan(4_000);
    redis.disconnect();
    await store.close();
  });

  test("a store that is not there fails in time, with what was tried", async () => {
    const store = createRedisLeaseStore({ url: "redis://127.0.0.1:1", timeoutMs: 300 });
    const startedMs = performance.now();
    await expect(store.renew(["cmd.p0"], "worker-1#a", 5_000)).rejects.toThrow(LeaseStoreError);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    await store.close();
  });
});
