/**
 * One transaction for all slots of a worker that wait for their commit: what comes while a commit is on its
 * way goes with the next one. No timer: an idle worker commits at once.
 *
 * An optimisation and nothing else. Each slot's row is locked and its epoch compared as in a commit of its
 * own; whatever is unusual (a fault, a slot that is being taken, no connection) is no group's business: each
 * slot then commits alone, on its own connection. Only a missing answer concerns all that went: the outcome
 * is unknown for each, and each renews its epoch (docs/models, CommitFence: a step of each slot).
 */
import { dropConnection, isOutage, type PgClient } from "@hexhold/postgres";
import type { Logger } from "@hexhold/telemetry";
import { type CommitPart, commitTogether } from "../journal/commit-batch.ts";
import { OutcomeUnknownError } from "./slot-store.ts";

export interface GroupCommitOptions {
  readonly connect: (onLost: () => void) => Promise<PgClient>;
  readonly logger: Pick<Logger, "debug">;
  /** Slots of each commit that was stored. */
  readonly onCommit: (slots: number) => void;
}

interface Waiting {
  readonly part: CommitPart;
  readonly resolve: (positions: bigint[] | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** Answers of a commit, so that nobody waits long behind the others. */
const resultsMax = 512;
const reconnectMs = 250;

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #waiting: Waiting[] = [];
  #client: PgClient | undefined;
  #busy = false;
  #stopped = false;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
    void this.#connect();
  }

  /** Whether commits go together at the moment. */
  get connected(): boolean {
    return this.#client !== undefined;
  }

  /**
   * Commits `part` with those of other slots. Returns its outbox positions, or undefined when nothing was
   * done and the slot is to commit alone. Throws {@link OutcomeUnknownError}.
   */
  commit(part: CommitPart): Promise<bigint[] | undefined> {
    if (this.#client === undefined) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ part, resolve, reject });
      if (this.#busy) return;
      this.#busy = true;
      // What other slots decided in this turn of the loop goes along.
      setImmediate(() => void this.#run());
    });
  }

  /** Ends the connection; who waits commits alone. */
  stop(): void {
    this.#stopped = true;
    if (this.#client !== undefined) this.#lose(this.#client);
  }

  async #run(): Promise<void> {
    for (;;) {
      const client = this.#client;
      if (client === undefined || this.#waiting.length === 0) break;
      const group = this.#next();
      try {
        const positions = await commitTogether(
          client,
          group.map(({ part }) => part),
        );
        this.#options.onCommit(group.length);
        for (const [i, { resolve }] of group.entries()) resolve(positions[i]);
      } catch (error) {
        if (isOutage(error)) {
          this.#lose(client);
          for (const { reject } of group) reject(new OutcomeUnknownError(error));
        } else {
          this.#options.logger.debug({ err: error, slots: group.length }, "a group is split up");
          for (const { resolve } of group) resolve(undefined);
        }
      }
    }
    this.#busy = false;
    if (this.#client === undefined) this.#dismiss();
  }

  #next(): Waiting[] {
    let results = 0;
    let count = 0;
    for (const { part } of this.#waiting) {
      results += part.rows.results.length;
      if (count > 0 && results > resultsMax) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  #lose(client: PgClient): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    dropConnection(client);
    if (!this.#busy) this.#dismiss();
    if (!this.#stopped) setTimeout(() => void this.#connect(), reconnectMs).unref();
  }

  #dismiss(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve(undefined);
  }

  async #connect(): Promise<void> {
    try {
      let lost = false;
      let client: PgClient | undefined = undefined;
      client = await this.#options.connect(() => {
        lost = true;
        if (client !== undefined) this.#lose(client);
      });
      if (lost || this.#stopped) dropConnection(client);
      else this.#client = client;
      if (!lost) return;
    } catch (error) {
      this.#options.logger.debug({ err: error }, "no connection for group commits");
    }
    if (!this.#stopped) setTimeout(() => void this.#connect(), reconnectMs).unref();
  }
}
