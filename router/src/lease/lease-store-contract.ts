import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import type { LeaseStore } from "./lease-store.ts";

/** What every lease store does. @param open an empty store; `again` opens another view of the same one. */
export function testLeaseStore(
  open: () => Promise<{ readonly store: LeaseStore; readonly again: () => LeaseStore }>,
): void {
  const opened: LeaseStore[] = [];
  const fresh = async () => {
    const { store, again } = await open();
    const other = again();
    opened.push(store, other);
    return { store, other };
  };

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
  });

  test("a free lease is taken, and taken again by its holder, but by nobody else", async () => {
    const { store, other } = await fresh();
    expect(await store.take("cmd.p3", "worker-1#a", 5_000)).toBeUndefined();
    expect(await store.take("cmd.p3", "worker-1#a", 5_000)).toBeUndefined();
    const inTheWay = await other.take("cmd.p3", "worker-2#b", 5_000);
    expect(inTheWay?.holder).toBe("worker-1#a");
    expect(inTheWay?.ttlMs).toBeGreaterThan(4_000);
    expect(await other.take("cmd.p4", "worker-2#b", 5_000)).toBeUndefined();
  });

  test("a lease is taken over from the holder that is named, and from no other", async () => {
    const { store } = await fresh();
    await store.take("cmd.p3", "worker-1#a", 5_000);
    expect(await store.take("cmd.p3", "worker-2#b", 5_000, "worker-3#c")).toBeDefined();
    expect(await store.take("cmd.p3", "worker-2#b", 5_000, "worker-1#a")).toBeUndefined();
    expect((await store.read(["cmd.p3"])).get("cmd.p3")?.holder).toBe("worker-2#b");
  });

  test("of many that take at once exactly one gets it", async () => {
    const { store, other } = await fresh();
    const holders = Array.from({ length: 20 }, (_, n) => `worker-${n}#x`);
    const answers = await Promise.all(
      holders.map((holder, n) => (n % 2 ? store : other).take("cmd.p0", holder, 5_000)),
    );
    expect(answers.filter((answer) => answer === undefined)).toHaveLength(1);
  });

  test("a lease ends by itself", async () => {
    const { store } = await fresh();
    await store.take("cmd.p3", "worker-1#a", 60);
    await sleep(120);
    expect((await store.read(["cmd.p3"])).size).toBe(0);
    expect(await store.take("cmd.p3", "worker-2#b", 5_000)).toBeUndefined();
  });

  test("renewal extends one's own, makes what is missing, names what others have", async () => {
    const { store } = await fresh();
    await store.take("cmd.p0", "worker-1#a", 100);
    await store.take("cmd.p1", "worker-2#b", 5_000);
    const slots = ["cmd.p0", "cmd.p1", "cmd.p2"];
    expect(await store.renew(slots, "worker-1#a", 5_000)).toEqual(["cmd.p1"]);
    const leases = await store.read(slots);
    expect([...leases].map(([slot, { holder }]) => [slot, holder])).toEqual([
      ["cmd.p0", "worker-1#a"],
      ["cmd.p1", "worker-2#b"],
      ["cmd.p2", "worker-1#a"],
    ]);
    expect(leases.get("cmd.p0")?.ttlMs).toBeGreaterThan(4_000);
  });

  test("release ends one's own and leaves those of others", async () => {
    const { store } = await fresh();
    await store.take("cmd.p0", "worker-1#a", 5_000);
    await store.take("cmd.p1", "worker-2#b", 5_000);
    await store.release(["cmd.p0", "cmd.p1", "cmd.p2"], "worker-1#a");
    expect([...(await store.read(["cmd.p0", "cmd.p1", "cmd.p2"])).keys()]).toEqual(["cmd.p1"]);
  });

  test("nothing asked is nothing done", async () => {
    const { store } = await fresh();
    expect(await store.renew([], "worker-1#a", 5_000)).toEqual([]);
    await store.release([], "worker-1#a");
    expect((await store.read([])).size).toBe(0);
  });
}
