import type { Lease, LeaseStore } from "../lease-store.ts";

/** Leases of one process. @param now milliseconds that never go back. */
export function createMemoryLeaseStore(now: () => number = () => performance.now()): LeaseStore {
  const leases = new Map<string, { readonly holder: string; readonly untilMs: number }>();

  function current(slot: string): Lease | undefined {
    const lease = leases.get(slot);
    if (lease === undefined) return undefined;
    const ttlMs = lease.untilMs - now();
    if (ttlMs > 0) return { holder: lease.holder, ttlMs };
    leases.delete(slot);
    return undefined;
  }

  return {
    async take(slot, holder, ttlMs, from) {
      const lease = current(slot);
      if (lease !== undefined && lease.holder !== holder && lease.holder !== from) return lease;
      leases.set(slot, { holder, untilMs: now() + ttlMs });
      return undefined;
    },
    async renew(slots, holder, ttlMs) {
      const taken = slots.filter((slot) => (current(slot)?.holder ?? holder) !== holder);
      for (const slot of slots) {
        if (!taken.includes(slot)) leases.set(slot, { holder, untilMs: now() + ttlMs });
      }
      return taken;
    },
    async release(slots, holder) {
      for (const slot of slots) if (current(slot)?.holder === holder) leases.delete(slot);
    },
    async read(slots) {
      const found = new Map<string, Lease>();
      for (const slot of slots) {
        const lease = current(slot);
        if (lease !== undefined) found.set(slot, lease);
      }
      return found;
    },
    async close() {
      leases.clear();
    },
  };
}
