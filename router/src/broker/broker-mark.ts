/**
 * Whose the broker's queues are, and from which moment: a mark in a queue of its own names the world and a number that
 * rises with each start of a leading router, each return of the broker, and each minute, in PostgreSQL first. Not while
 * the broker has raised an alarm: on a full disk it may fall over whatever is published then.
 *
 * - No mark: the queues are new, or emptied. A mark with another number than the last two that were given: they, or
 *   PostgreSQL, have come back from an earlier moment. Either way what the broker had confirmed may never have had its
 *   effect: all lanes are set back.
 * - Another world's mark: nothing of this world may go there.
 */
import type { Bus, BusState } from "@hexhold/messaging";
import { createBackoff } from "@hexhold/rpc";
import type { Logger } from "@hexhold/telemetry";
import type { WorldName } from "../control-store.ts";

export interface BrokerMark {
  /** UUID text. */
  readonly worldId: string;
  readonly number: number;
}

/** Where a broker keeps its mark. Methods reject when it does not answer. */
export interface BrokerMarks {
  /** Undefined: it has none. */
  readMark(): Promise<BrokerMark | undefined>;
  /** Puts it in the place of the one that is there. */
  writeMark(mark: BrokerMark): Promise<void>;
}

export interface BrokerMarkStore {
  /** Number of the mark that was given last; 0 = none was. */
  brokerMark(): Promise<number>;
  /** Notes the number of the mark that is given next. */
  setBrokerMark(number: number): Promise<void>;
  /** Sets back every lane; resolves with the number of rows that are sent again. */
  resendLanes(why: string): Promise<bigint>;
}

/** The broker holds the queues of another world. */
export class ForeignBrokerError extends Error {
  readonly code = "FOREIGN_BROKER";
  constructor(worldId: string, ours: string) {
    super(
      `the broker holds the queues of the world ${worldId}, and this is the world ${ours}: give each a broker or a virtual host of its own`,
    );
    this.name = "ForeignBrokerError";
  }
}

export interface BrokerMarkOptions {
  readonly marks: BrokerMarks;
  readonly store: BrokerMarkStore;
  readonly world: WorldName;
  readonly logger: Logger;
  /** Lanes were set back. */
  readonly onResend: () => void;
}

export interface BrokerMarkKeeper {
  /**
   * Compares the mark, sets lanes back when it is not the last one, and gives the next one. Rejects with
   * {@link ForeignBrokerError}, and when broker or store do not answer.
   */
  check(): Promise<void>;
}

export function createBrokerMarkKeeper(options: BrokerMarkOptions): BrokerMarkKeeper {
  const { marks, store, world, logger } = options;
  return {
    async check() {
      const mark = await marks.readMark();
      if (mark !== undefined && mark.worldId !== world.worldId) {
        throw new ForeignBrokerError(mark.worldId, world.worldId);
      }
      const given = await store.brokerMark();
      // The last one may have been noted and not given.
      const isTheLast = mark?.number === given || (mark?.number === given - 1 && given > 1);
      if (given > 0 && !isTheLast) {
        const why =
          mark === undefined
            ? "the broker's queues are new"
            : `the broker's queues are of mark ${mark.number}, the last one given is ${given}`;
        const rows = await store.resendLanes(why);
        options.onResend();
        logger.warn({ rows: String(rows) }, `${why}: what they owed is sent again`);
      }
      // What was noted and not given is given now: a broker that takes nothing for long is never two behind.
      const isOwed = mark !== undefined && given > 1 && mark.number === given - 1;
      const number = isOwed ? given : Math.max(given, mark?.number ?? 0) + 1;
      await store.setBrokerMark(number);
      await marks.writeMark({ worldId: world.worldId, number });
    },
  };
}

/** What comes back from a moment less than twice this ago is not told from what was there. */
const raiseEveryMs = 60_000;

/**
 * Checks again each time that the broker comes back, until it is ended: queues are lost while it is away; and from time
 * to time, so that the mark is of the moment. A foreign broker, met while the world runs, is an error in the log: there
 * is nobody to refuse any more.
 * @param isAlarmed whether the broker takes nothing now
 */
export function recheckBrokerMark(
  keeper: BrokerMarkKeeper,
  bus: Pick<Bus, "state" | "onState">,
  logger: Logger,
  isAlarmed: () => Promise<boolean>,
  everyMs: number = raiseEveryMs,
): () => void {
  const stopping = new AbortController();
  const { signal } = stopping;
  let known = generationOf(bus.state);
  const untilChecked = async (generation: number): Promise<void> => {
    const backoff = createBackoff(500, 5000);
    while (!signal.aborted && known === generation) {
      try {
        await keeper.check();
        return;
      } catch (error) {
        if (error instanceof ForeignBrokerError) {
          logger.error({ err: error }, error.message);
          return;
        }
        logger.debug({ err: error }, "the broker's mark cannot be compared yet");
      }
      await backoff.wait(signal);
    }
  };
  const unlisten = bus.onState((state) => {
    const generation = generationOf(state);
    if (generation === undefined || generation === known) return;
    known = generation;
    void untilChecked(generation);
  });
  const raise = async (): Promise<void> => {
    const generation = generationOf(bus.state);
    // What comes back is checked by its return alone.
    if (generation === undefined || generation !== known || (await isAlarmed())) return;
    await untilChecked(generation);
  };
  const timer = setInterval(() => {
    raise().catch((error: unknown) => logger.debug({ err: error }, "the broker's mark stays"));
  }, everyMs);
  return () => {
    clearInterval(timer);
    unlisten();
    stopping.abort();
  };
}

/** Of the connections; undefined while there are none. */
function generationOf(state: BusState): number | undefined {
  return state.mode === "disconnected" ? undefined : state.generation;
}
