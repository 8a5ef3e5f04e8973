/**
 * A slot's own connection to PostgreSQL: one, with one statement at a time. When an answer is missing, the
 * outcome is unknown, and the connection comes back only with a new epoch: without it the lost transaction
 * may land after a reload (docs/models, CommitFence, finding 1).
 */
import { dropConnection, isOutage, type PgClient, sqlStateOf, worldState } from "@hexhold/postgres";
import type { Logger } from "@hexhold/telemetry";
import type { CommitPart } from "../journal/commit-batch.ts";
import type { GroupCommit } from "./group-commit.ts";
import { connectionName, FencedError, releaseSlot, takeSlot } from "./ownership.ts";

export interface SlotStoreOptions {
  readonly slot: string;
  readonly worker: string;
  readonly incarnation: string;
  readonly connect: (applicationName: string, onLost: () => void) => Promise<PgClient>;
  /** Shared with the other slots of the worker. */
  readonly group: Pick<GroupCommit, "commit">;
  readonly logger: Logger;
  readonly now: () => number;
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

export class SlotStore {
  readonly #options: SlotStoreOptions;
  #client: PgClient | undefined;
  #epoch: bigint;
  #clean: boolean | undefined;
  #answeredMs: number;
  #closed = false;

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

  /** Whether the owner before this one let go in good order. */
  get clean(): boolean {
    return this.#clean === true;
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

  /** Comes back with a new epoch, however long it takes. Throws {@link FencedError} when the slot is lost. */
  async recover(): Promise<void> {
    for (let delay = retryMs.first; ; delay = Math.min(delay * 2, retryMs.max)) {
      if (this.#closed) throw new FencedError(this.#options.slot, "the worker gives it up");
      try {
        if (this.#client !== undefined) this.#drop(this.#client);
        await this.#mint();
        return;
      } catch (error) {
        if (error instanceof FencedError) throw error;
        this.#options.logger.debug(
          { err: error, slot: this.#options.slot },
          "the store is still away",
        );
        await new Promise((resolve) => setTimeout(resolve, delay));
      }
    }
  }

  /** Ends every wait; with `release` it says that the slot was given up in good order. */
  async close(release: boolean): Promise<void> {
    this.#closed = true;
    const client = this.#client;
    this.#client = undefined;
    if (client === undefined) return;
    if (release) await releaseSlot(client, this.#options.slot, this.#epoch);
    else dropConnection(client);
  }

  async #mint(): Promise<void> {
    const { slot, worker, incarnation } = this.#options;
    let lost = false;
    let client: PgClient | undefined = undefined;
    client = await this.#options.connect(connectionName(worker, this.#epoch), () => {
      lost = true;
      if (this.#client === client) this.#client = undefined;
    });
    let taken;
    try {
      taken = await takeSlot(client, slot, this.#epoch, { worker, incarnation });
    } catch (error) {
      dropConnection(client);
      throw error;
    }
    if (taken === undefined) {
      dropConnection(client);
      throw new FencedError(slot, `it is no longer at epoch ${this.#epoch}`);
    }
    this.#epoch = taken.epoch;
    // At a renewal the last owner is this one, which lives.
    this.#clean ??= taken.clean;
    this.#answeredMs = this.#options.now();
    if (!lost) this.#client = client;
  }

  #drop(client: PgClient): void {
    if (this.#client === client) this.#client = undefined;
    dropConnection(client);
  }
}
