import type { Logger } from "@hexhold/telemetry";
import type { BrokerAdmin } from "../broker/broker-admin.ts";
import type { SlotRow } from "../control-store.ts";
import type { Assignment } from "../membership/members.ts";
import { incarnationOf, instanceOf } from "../membership/members.ts";
import { createMovePace } from "../placement/move-pace.ts";
import { type PlacedSlot, placeSlots } from "../placement/placement.ts";
import type { LeaseStore } from "./lease-store.ts";
import {
  type FreeCause,
  type FreeSlot,
  type SlotReport,
  type SlotState,
  granted,
  granting,
  grantFailed,
  grantLost,
  holderDied,
  holderOf,
  isServed,
  leftOut,
  newSlot,
  releasing,
  remembered,
  reported,
  reserved,
  rowRead,
  timePassed,
} from "./slot-state.ts";

export interface SlotLeasesOptions {
  readonly slots: readonly string[];
  readonly store: LeaseStore;
  /** `world.slots`: whose epoch is true. */
  readonly readSlots: () => Promise<ReadonlyMap<string, SlotRow>>;
  readonly broker: BrokerAdmin | undefined;
  /** Holders that may be granted slots now. */
  readonly workers: () => readonly string[];
  /** Whether it may serve, be it that others come first. */
  readonly isAble: (holder: string) => boolean;
  /** Pushes to the worker; false when it has no open stream. */
  readonly push: (holder: string, assignment: Assignment) => boolean;
  /** Names of the AMQP connections of a holder that may still live. */
  readonly connectionsOf: (holder: string) => readonly string[];
  readonly onHealth: (slot: string, served: boolean) => void;
  /** `granted`, or why a slot was lost. */
  readonly onChange: (change: "granted" | FreeCause) => void;
  readonly ttlMs: number;
  /** After the set of workers has changed, nothing is moved between the living for so long. */
  readonly rebalanceDelayMs: number;
  /** Milliseconds that never go back. */
  readonly now: () => number;
  readonly logger: Logger;
}

export interface HeldReport extends Omit<SlotReport, "holder"> {
  readonly slot: string;
  /** Mean time of a batch since the report before, microseconds; 0 = there was none. */
  readonly handlingUs: number;
}

/** One slot for people. */
export interface SlotView {
  readonly slot: string;
  readonly holder: string | undefined;
  readonly mode: SlotState["mode"];
  readonly epoch: bigint;
  /** Until its lease ends; undefined = it has none. */
  readonly leaseLeftMs: number | undefined;
  readonly served: boolean;
}

/** Leases and assignments of all slots. See `slot-state.ts` for what may become of one. */
export interface SlotLeases {
  /** Reads PostgreSQL and the store, reserves what was had, and begins. Rejects without PostgreSQL. */
  start(): Promise<void>;
  /** A heartbeat of `holder` names all that it holds. */
  report(holder: string, held: readonly HeldReport[]): void;
  /** A worker has come or its stream was opened: what was pushed and not taken is pushed again. */
  workerReady(holder: string): void;
  /** Its stream is closed, because it stops or cannot be reached: what was granted and not taken goes elsewhere. */
  workerAway(holder: string): void;
  holderDied(holder: string): void;
  /** It was silent for so long that it is no member any more; what it may still hold stays its own. */
  holderForgotten(holder: string): void;
  /** A process has begun its life: whoever had its name before, as this store knows it, is dead. */
  instanceStarted(instance: string, incarnation: string): void;
  view(): readonly SlotView[];
  /** Why the store did not answer last time; undefined = it did. */
  readonly storeFault: string | undefined;
  stop(): void;
}

const tickMs = 250;
const readSlotsEveryMs = 2_000;
/** Taking a slot waits at most about 1 s for a lock, twice. */
const takeWithinMs = 5_000;
/** A worker that was asked to let go finishes one batch. */
const letGoWithinMs = 2_000;
const retryGrantMs = 500;

export function createSlotLeases(options: SlotLeasesOptions): SlotLeases {
  const { store, ttlMs, now, logger } = options;
  const states = new Map<string, SlotState>(options.slots.map((slot) => [slot, newSlot]));
  const expectedEpochs = new Map<string, bigint>();
  const retryAtMs = new Map<string, number>();
  const waitingReports = new Map<string, readonly HeldReport[]>();
  const pace = createMovePace();
  let rows: ReadonlyMap<string, SlotRow> = new Map();
  /** Epochs of reports that came before `rows` were read again. */
  const newerEpochs = new Map<string, bigint>();
  let storeFault: string | undefined;
  let workersBefore = "";
  let workersChangedMs = 0;
  let planned = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let lastReadMs = 0;

  function trueEpoch(slot: string): bigint {
    const read = rows.get(slot)?.epoch ?? 0n;
    const newer = newerEpochs.get(slot) ?? 0n;
    return newer > read ? newer : read;
  }

  function set(slot: string, state: SlotState): void {
    const before = states.get(slot);
    if (before === state || before === undefined) return;
    states.set(slot, state);
    if (state.mode === "free") {
      logger.info({ slot, cause: state.cause, holder: state.lastHolder }, "slot is free");
      options.onChange(state.cause);
      planSoon();
    }
    options.onHealth(slot, isServed(state));
  }

  const readAgain = joinNext(async () => {
    const before = new Map(newerEpochs);
    rows = await options.readSlots();
    lastReadMs = now();
    // A reading may be older than a report that came meanwhile, and only than such a one: what was reported before
    // it began is in it, unless the database has come back from an earlier moment, and then it is void.
    for (const [slot, epoch] of newerEpochs) {
      if (before.get(slot) === epoch || (rows.get(slot)?.epoch ?? 0n) >= epoch) {
        newerEpochs.delete(slot);
      }
    }
    for (const [slot, state] of states) {
      const row = rows.get(slot);
      if (row === undefined) continue;
      const isAble = options.isAble(row.owner);
      set(slot, rowRead(state, row, expectedEpochs.get(slot), isAble, now() + ttlMs));
    }
  });

  /** Runs a store operation; notes, and logs once, whether it answers. Undefined = it did not. */
  async function withStore<Result>(
    operation: () => Promise<Result>,
  ): Promise<{ readonly result: Result } | undefined> {
    try {
      const result = await operation();
      if (storeFault !== undefined) logger.info("the lease store answers again");
      storeFault = undefined;
      return { result };
    } catch (error) {
      if (storeFault === undefined && !stopped) {
        logger.warn({ err: error }, "no lease store: nothing stops, and nothing is taken over");
      }
      storeFault = error instanceof Error ? error.message : String(error);
      return undefined;
    }
  }

  function apply(holder: string, held: readonly HeldReport[]): void {
    pace.heard(holder, held, now());
    const renew: string[] = [];
    const named = new Set<string>();
    for (const { slot, epoch, stalled } of held) {
      const state = states.get(slot);
      named.add(slot);
      if (state === undefined) continue;
      const report = { holder, epoch, stalled };
      const { state: next, verdict } = reported(state, report, trueEpoch(slot), now(), ttlMs);
      set(slot, next);
      if (verdict === "held") {
        if (epoch > trueEpoch(slot)) newerEpochs.set(slot, epoch);
        if (!stalled) renew.push(slot);
      } else if (verdict === "fenced") {
        logger.info({ slot, holder, epoch: String(epoch) }, "a fenced owner is told to let go");
        options.push(holder, {
          assignment: { case: "release", value: { slot, reason: "fenced" } },
        });
      }
    }
    let notTaken = false;
    for (const [slot, state] of states) {
      if (named.has(slot)) continue;
      notTaken ||= state.mode === "granted" && state.holder === holder;
      set(slot, leftOut(state, holder));
    }
    // It has not seen the grant yet, or another was there before it: PostgreSQL tells which.
    if (notTaken) void readAgain().catch(() => undefined);
    if (renew.length === 0) return;
    void withStore(() => store.renew(renew, holder, ttlMs)).then((answer) => {
      if (answer !== undefined && answer.result.length > 0) {
        logger.warn({ holder, slots: answer.result }, "leases of a true owner are somebody else's");
      }
    });
  }

  function planSoon(): void {
    if (planned || stopped) return;
    planned = true;
    queueMicrotask(() => {
      planned = false;
      if (!stopped) plan();
    });
  }

  function plan(): void {
    const workers = options.workers();
    const names = workers.toSorted().join();
    if (names !== workersBefore) {
      workersBefore = names;
      workersChangedMs = now();
    }
    // While the store is silent nobody could be granted what another has let go.
    const isSettled = now() - workersChangedMs >= options.rebalanceDelayMs;
    const mayMove = storeFault === undefined && isSettled && pace.mayMove(now());
    const placed = [...states].map(([slot, state]) => placedSlot(slot, state));
    const { grants, releases } = placeSlots(placed, workers, mayMove);
    for (const { slot, holder } of grants) {
      const state = states.get(slot);
      if (state?.mode === "free") void grant(slot, state, holder);
    }
    for (const { slot, holder } of releases) askToLetGo(slot, holder);
  }

  function placedSlot(slot: string, state: SlotState): PlacedSlot {
    const holder = holderOf(state);
    const waits = (retryAtMs.get(slot) ?? 0) > now();
    const moving = waits || (state.mode !== "free" && state.mode !== "held");
    const lastHolder = state.mode === "free" ? state.lastHolder : undefined;
    return { slot, holder, moving, lastHolder };
  }

  function askToLetGo(slot: string, holder: string): void {
    const state = states.get(slot);
    if (state?.mode !== "held" || state.holder !== holder) return;
    const value = { slot, reason: "rebalance" };
    if (options.push(holder, { assignment: { case: "release", value } })) {
      logger.info({ slot, holder }, "slot is asked back, so that another worker gets it");
      set(slot, releasing(state, now() + letGoWithinMs));
      pace.began(slot, now());
    }
  }

  /** Everything between the wish to grant a slot and its push, in the order that makes it safe. */
  async function grant(slot: string, from: FreeSlot, holder: string): Promise<void> {
    const state = granting(from, holder);
    set(slot, state);
    const valid = (): boolean => !stopped && states.get(slot) === state;
    const fail = (): void => {
      retryAtMs.set(slot, now() + retryGrantMs);
      // Not told to anybody: it was not served before, and is not now.
      if (valid()) states.set(slot, grantFailed(state));
    };
    if (from.cause === "expired" || from.cause === "unanswered") {
      await takeFromBroker(slot, from.lastHolder, holder);
    }
    // Its last owner has just said what it had. A wrong epoch costs a grant that cannot be taken.
    if (from.cause !== "dropped") {
      try {
        await readAgain();
      } catch (error) {
        logger.warn({ err: error, slot }, "PostgreSQL does not say who owns a slot: no grant yet");
        return fail();
      }
    }
    if (!valid()) return;
    const answer = await withStore(() => store.take(slot, holder, ttlMs, from.lastHolder));
    if (answer === undefined) return fail();
    if (!valid()) {
      await withStore(() => store.release([slot], holder));
      return;
    }
    const inTheWay = answer.result;
    if (inTheWay !== undefined) {
      set(slot, reserved(inTheWay.holder, now() + inTheWay.ttlMs));
      return;
    }
    expectedEpochs.set(slot, trueEpoch(slot));
    if (!pushGrant(slot, holder)) return fail();
    set(slot, granted(state, now() + Math.min(takeWithinMs, ttlMs)));
    options.onChange("granted");
    logger.info({ slot, holder, epoch: String(trueEpoch(slot)) }, "slot is granted");
  }

  function pushGrant(slot: string, holder: string): boolean {
    const expectedEpoch = expectedEpochs.get(slot) ?? 0n;
    return options.push(holder, { assignment: { case: "grant", value: { slot, expectedEpoch } } });
  }

  /** Under way, by holder. */
  const closings = new Map<string, Promise<void>>();

  /** A frozen consumer keeps what it has in hand until the broker closes its connection. */
  async function takeFromBroker(
    slot: string,
    lastHolder: string | undefined,
    holder: string,
  ): Promise<void> {
    if (options.broker === undefined || lastHolder === undefined || lastHolder === holder) return;
    const { broker } = options;
    // All slots of a holder go at once; its connections are closed once.
    let closing = closings.get(lastHolder);
    if (closing === undefined) {
      closing = broker
        .closeConnections(options.connectionsOf(lastHolder), `${lastHolder} has lost its slots`)
        .finally(() => closings.delete(lastHolder));
      closings.set(lastHolder, closing);
    }
    try {
      await closing;
    } catch (error) {
      // The new owner then waits until the broker notices by itself; nothing is unsafe.
      logger.warn({ err: error, slot, holder: lastHolder }, "its connections could not be closed");
    }
  }

  function tick(): void {
    for (const [slot, state] of states) set(slot, timePassed(state, now()));
    if (now() - lastReadMs >= readSlotsEveryMs) {
      lastReadMs = now();
      readAgain().catch((error: unknown) => {
        logger.debug({ err: error }, "PostgreSQL does not say who owns the slots");
      });
    }
    plan();
  }

  return {
    async start() {
      await readAgain();
      const found = await withStore(() => store.read(options.slots));
      for (const slot of options.slots) {
        const stored = { row: rows.get(slot), lease: found?.result.get(slot) };
        set(slot, remembered(stored, now(), ttlMs));
      }
      workersChangedMs = now();
      timer = setInterval(tick, tickMs);
    },
    report(holder, held) {
      const unread = held.some(({ slot, epoch }) => {
        const state = states.get(slot);
        return state !== undefined && holderOf(state) !== holder && epoch > trueEpoch(slot);
      });
      if (!unread) {
        waitingReports.delete(holder);
        apply(holder, held);
        return;
      }
      // A newer report takes the place of one that waits: only the latest counts.
      waitingReports.set(holder, held);
      void readAgain()
        .catch(() => undefined)
        .then(() => {
          const latest = waitingReports.get(holder);
          waitingReports.delete(holder);
          if (latest !== undefined && !stopped) apply(holder, latest);
        });
    },
    workerReady(holder) {
      for (const [slot, state] of states) {
        if (state.mode === "granted" && state.holder === holder) pushGrant(slot, holder);
      }
      planSoon();
    },
    workerAway(holder) {
      for (const [slot, state] of states) set(slot, grantLost(state, holder));
    },
    holderDied(holder) {
      waitingReports.delete(holder);
      pace.forget(holder);
      for (const [slot, state] of states) set(slot, holderDied(state, holder));
    },
    holderForgotten(holder) {
      waitingReports.delete(holder);
      pace.forget(holder);
    },
    instanceStarted(instance, incarnation) {
      for (const [slot, state] of states) {
        const holder = holderOf(state);
        if (holder === undefined || instanceOf(holder) !== instance) continue;
        if (incarnationOf(holder) < incarnation) set(slot, holderDied(state, holder));
      }
    },
    view: () =>
      [...states].map(([slot, state]) => ({
        slot,
        holder: holderOf(state),
        mode: state.mode,
        epoch: trueEpoch(slot),
        leaseLeftMs: "untilMs" in state ? Math.max(0, state.untilMs - now()) : undefined,
        served: isServed(state),
      })),
    get storeFault() {
      return storeFault;
    },
    stop() {
      stopped = true;
      clearInterval(timer);
    },
  };
}

/**
 * One run of `work` at a time. Who calls while one runs gets the next one, shared with all who do so: its
 * result is never older than the call.
 */
export function joinNext(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const run = (): Promise<void> => {
    if (running === undefined) {
      running = work().finally(() => void (running = undefined));
      return running;
    }
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return run();
      });
    return next;
  };
  return run;
}
