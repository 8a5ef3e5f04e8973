/**
 * A slot's own connection to PostgreSQL: one, with one statement at a time. When an answer is missing, the
 * outcome is unknown, and the connection comes back only with a new epoch: without it the lost transaction
 * may land after a reload (docs/models, CommitFence, finding 1).
 */
import { setTimeout as pause } from "node:timers/promises";
import { dropConnection, isOutage, type PgClient, sqlStateOf, worldState } from "@hexhold/postgres";
import type { Logger } from "@hexhold/telemetry";
import type { CommitPart } from "../journal/commit-batch.ts";
import type { GroupCommit } from "./group-commit.ts";
import { connectionName, FencedError, releaseSlot, ReleasingError, takeSlot } from "./ownership.ts";

export interface SlotStoreOptions {
  readonly slot: string;
  readonly worker: string;
  readonly incarnation: string;
  readonly connect: (applicationName: string, onLost: () => void) => Promise<PgClient>;
  /** Shared with the other slots of the worker. */
  readonly group: Pick<GroupCommit, "commit">;
  readonly logger: Logger;
  readonly now: () => number;
  /** The connection broke while nobody waited for an answer: {@link SlotStore.recover} brings it back. */
  readonly onLost?: () => void;
}

/** The connection broke, or was silent: whether the statement took effect is not known. */
export class OutcomeUnknownError extends Error {
  readonly code = "OUTCOME_UNKNOWN";
  constructor(cause: unknown) {
    super("the store did not answer", { cause });
    this.name = "OutcomeUnknownError";
  }
}

const retryMs = { first: 50, max: 1000 };
/** A release is due within 2 s, or the router has the slot's connections closed. */
const mintWaitMsMax = 2000;

export class SlotStore {
  readonly #options: SlotStoreOptions;
  #client: PgClient | undefined;
  #epoch: bigint;
  #clean: boolean | undefined;
  #life = 0n;
  #answeredMs: number;
  #closed = false;
  #ending = false;
  /** Pending while an epoch is being minted. */
  #minting: Promise<void> = Promise.resolve();

  private constructor(options: SlotStoreOptions, expected: bigint) {
    this.#options = options;
    this.#epoch = expected;
    this.#answeredMs = options.now();
  }

  /** Takes the slot at `expected`. Throws {@link FencedError} when somebody else has it, or the store's error. */
  static async take(options: SlotStoreOptions, expected: bigint): Promise<SlotStore> {
    const store = new SlotStore(options, expected);
    await store.#mint();
    return store;
  }

  get epoch(): bigint {
    return this.#epoch;
  }

  /** Nothing works until {@link recover}. */
  get isLost(): boolean {
    return this.#client === undefined;
  }

  /** Whether the owner before this one let go in good order. */
  get clean(): boolean {
    return this.#clean === true;
  }

  /**
   * Life of the database under which the epoch was minted. When {@link recover} has changed it, what is known of the
   * slot may be of a moment that the database has not seen.
   */
  get life(): bigint {
    return this.#life;
  }

  /** Local time of the last answer. */
  get answeredMs(): number {
    return this.#answeredMs;
  }

  /**
   * Runs statements on the connection. Throws what the server refused, {@link FencedError} for HX001, or
   * {@link OutcomeUnknownError}, after which nothing works until {@link recover}.
   */
  async run<T>(work: (client: PgClient) => Promise<T>): Promise<T> {
    const client = this.#client;
    if (client === undefined) throw new OutcomeUnknownError(new Error("no connection"));
    try {
      const result = await work(client);
      this.#answeredMs = this.#options.now();
      return result;
    } catch (error) {
      if (isOutage(error)) {
        this.#drop(client);
        throw new OutcomeUnknownError(error);
      }
      this.#answeredMs = this.#options.now();
      if (sqlStateOf(error) === worldState.fenced) {
        throw new FencedError(this.#options.slot, (error as Error).message);
      }
      throw error;
    }
  }

  /**
   * Commits with other slots; undefined when nothing was done and the slot is to commit alone, with
   * {@link run}. Throws {@link OutcomeUnknownError}, after which nothing works until {@link recover}.
   */
  async commitTogether(part: CommitPart): Promise<bigint[] | undefined> {
    const client = this.#client;
    if (client === undefined) return undefined;
    try {
      const positions = await this.#options.group.commit(part);
      if (positions !== undefined) this.#answeredMs = this.#options.now();
      return positions;
    } catch (error) {
      this.#drop(client);
      throw error;
    }
  }

  /**
   * Comes back with a new epoch, however long it takes. Throws {@link FencedError} when the slot is lost and
   * {@link ReleasingError} after {@link endWaits} or {@link close}.
   */
  async recover(): Promise<void> {
    for (let delay = retryMs.first; ; delay = Math.min(delay * 2, retryMs.max)) {
      this.#assertOpen();
      try {
        if (this.#client !== undefined) this.#drop(this.#client);
        await this.#mint();
        return;
      } catch (error) {
        if (error instanceof FencedError || error instanceof ReleasingError) throw error;
        this.#options.logger.debug(
          { err: error, slot: this.#options.slot },
          "the store is still away",
        );
        await pause(delay);
      }
    }
  }

  /** The slot is about to be given up: {@link recover} ends with a {@link ReleasingError}. */
  endWaits(): void {
    this.#ending = true;
  }

  /**
   * Ends every wait; with `release` it says that the slot was given up in good order. No epoch is minted after it:
   * one that is being minted is waited for, 2 s at most, and given up with the slot.
   */
  async close(release: boolean): Promise<void> {
    this.#closed = true;
    await Promise.race([this.#minting, pause(mintWaitMsMax, undefined, { ref: false })]);
    const client = this.#client;
    this.#client = undefined;
    if (client === undefined) return;
    if (release) await releaseSlot(client, this.#options.slot, this.#epoch);
    else dropConnection(client);
  }

  #assertOpen(): void {
    if (this.#closed || this.#ending) throw new ReleasingError(this.#options.slot);
  }

  async #mint(): Promise<void> {
    const { slot, worker, incarnation } = this.#options;
    let lost = false;
    let client: PgClient | undefined = undefined;
    client = await this.#options.connect(connectionName(worker, this.#epoch), () => {
      lost = true;
      if (this.#client !== client || client === undefined) return;
      this.#client = undefined;
      this.#options.onLost?.();
    });
    let taken;
    const minting = Promise.withResolvers<void>();
    try {
      this.#assertOpen();
      this.#minting = minting.promise;
      taken = await takeSlot(client, slot, this.#epoch, { worker, incarnation });
      if (taken === undefined) {
        throw new FencedError(slot, `it is no longer at epoch ${this.#epoch}`);
      }
    } catch (error) {
      dropConnection(client);
      minting.resolve();
      throw error;
    }
    this.#epoch = taken.epoch;
    this.#life = taken.life;
    // At a renewal the last owner is this one, which lives.
    this.#clean ??= taken.clean;
    this.#answeredMs = this.#options.now();
    if (!lost) this.#client = client;
    minting.resolve();
  }

  #drop(client: PgClient): void {
    if (this.#client === client) this.#client = undefined;
    dropConnection(client);
  }
}
