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

  test("another world's leases are neither touched nor taken, and the refusal names both worlds", async () => {
    const { url, prefix } = await freshRedis();
    const ours = createRedisLeaseStore({ url, prefix, worldId: "ours" });
    const theirs = createRedisLeaseStore({ url, prefix, worldId: "theirs" });
    expect(await theirs.take("cmd.p0", "worker-1#b", 60_000)).toBeUndefined();
    for (const refused of [
      ours.read(["cmd.p0"]),
      ours.take("cmd.p1", "worker-1#a", 5_000),
      ours.renew(["cmd.p0"], "worker-1#a", 5_000),
      ours.release(["cmd.p0"], "worker-1#b"),
    ]) {
      await expect(refused).rejects.toThrow(/leases of the world theirs.*this is the world ours/);
    }
    expect([...(await theirs.read(["cmd.p0", "cmd.p1"])).keys()]).toEqual(["cmd.p0"]);
    // Emptied, it is whose who comes first.
    const redis = new Redis(url);
    await redis.del(`${prefix}world`, `${prefix}lease:cmd.p0`);
    await ours.take("cmd.p0", "worker-1#a", 5_000);
    await expect(theirs.read(["cmd.p0"])).rejects.toThrow(/leases of the world ours/);
    redis.disconnect();
    await Promise.all([ours.close(), theirs.close()]);
  });

  test("a store that is not there fails in time, with what was tried", async () => {
    const store = createRedisLeaseStore({ url: "redis://127.0.0.1:1", timeoutMs: 300 });
    const startedMs = performance.now();
    await expect(store.renew(["cmd.p0"], "worker-1#a", 5_000)).rejects.toThrow(LeaseStoreError);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    await store.close();
  });

  test("a wrong password is called that, and is not printed", async () => {
    const url = new URL((await freshRedis()).url);
    url.username = "nobody";
    url.password = "hunter2";
    const store = createRedisLeaseStore({ url: url.href });
    const failure = await store.read(["cmd.p0"]).catch((error: Error) => error.message);
    expect(failure).toMatch(/lets nobody in.*Redis refuses the password/);
    expect(failure).not.toContain("hunter2");
    await store.close();
  });
});
