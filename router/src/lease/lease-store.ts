import { storeRefusal } from "@hexhold/config";

/** A lease as a store has it. */
export interface Lease {
  /** `worker-1#<incarnation>` */
  readonly holder: string;
  /** Time that is left. */
  readonly ttlMs: number;
}

/**
 * Where leases are kept for all routers. It speeds things up and decides nothing: it may be emptied,
 * stopped or restored from an old dump at any time, and the fence in PostgreSQL still holds.
 * Every operation is atomic, takes at most about a second, and rejects with {@link LeaseStoreError}
 * when the store does not answer. Adapters: `lease-stores/`; `lease-store-contract.ts` is their suite.
 */
export interface LeaseStore {
  /**
   * Gives the lease of `slot` to `holder` when nobody has it, `holder` has it, or `from` has it.
   * Returns undefined when `holder` has it now, else the lease that stands in the way.
   */
  take(slot: string, holder: string, ttlMs: number, from?: string): Promise<Lease | undefined>;
  /**
   * Extends the leases of `slots` that `holder` has, and makes those that nobody has.
   * Returns the slots that somebody else has.
   */
  renew(slots: readonly string[], holder: string, ttlMs: number): Promise<readonly string[]>;
  /** Ends the leases of `slots` that `holder` has. */
  release(slots: readonly string[], holder: string): Promise<void>;
  /** Leases of `slots`; a slot without one is left out. */
  read(slots: readonly string[]): Promise<ReadonlyMap<string, Lease>>;
  close(): Promise<void>;
}

/** The store did not answer, or not in time. Nothing stops; there are no take-overs meanwhile. */
export class LeaseStoreError extends Error {
  readonly code = "LEASE_STORE";
  constructor(operation: string, cause: unknown) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    const refusal = storeRefusal(cause);
    super(
      refusal === undefined
        ? `the lease store did not answer (${operation}): ${detail}`
        : `the lease store lets nobody in (${operation}): ${refusal}`,
      { cause },
    );
    this.name = "LeaseStoreError";
  }
}

/** The store holds the leases of another world: none of this one's may go there, and none of those be touched. */
export class ForeignLeaseStoreError extends Error {
  readonly code = "FOREIGN_LEASE_STORE";
  constructor(worldId: string, ours: string) {
    super(
      `Redis holds the leases of the world ${worldId}, and this is the world ${ours}: give each a Redis, a database of it ` +
        "(redis://…/1) or a prefix (router.redisPrefix) of its own; where the other world is gone, delete the key `world`",
    );
    this.name = "ForeignLeaseStoreError";
  }
}
