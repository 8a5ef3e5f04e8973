/**
 * One slot as a router sees it. Every next state is computed here; `slot-leases.ts` reads, asks, pushes and keeps it.
 *
 * - *free*: nobody has it. Placement may grant it; a report of its true owner makes it *held* again.
 * - *reserved*: a router has just started, or a lease of somebody stands in the way: until `untilMs` it
 *   goes to nobody but `holder`, whose report makes it *held*, or *free* when it leaves it out. Then *free*.
 * - *granting*: the grant to `holder` is being prepared (broker, PostgreSQL, lease store). Ends as
 *   *granted*, as it began when one of these fails, *reserved* when somebody's lease stands in the way, *free* when
 *   `holder` listens no more, and *held* when `holder` reports it all the same.
 * - *granted*: pushed to `holder`, who has not reported it yet. Its report makes it *held*; without one
 *   it is *free* again at `untilMs`, or as soon as `holder` listens no more.
 * - *held*: `holder` reports it. Each report that is not stalled extends it to now + TTL; a report that
 *   leaves it out frees it at once; at `untilMs` it is *free*: the owner is frozen or cut off.
 * - *releasing*: as *held*, and `holder` has been asked to let go; at `askedUntilMs` it is *free* anyway.
 *
 * A row of PostgreSQL with another owner and a later epoch ends *granted*, *held* and *releasing*: the slot is
 * *reserved* for that owner, whose report makes it *held*; or *free*, when it was granted and that owner has gone.
 * Whoever is known to be dead loses everything at once. Nothing here is a lock: a hasty *free* costs a
 * take-over and no more, because PostgreSQL's epoch fences the old owner.
 * Who is the true owner is said by `world.slots`: whose epoch is there, and by nothing else.
 * Times are milliseconds of a clock that never goes back.
 */
export type SlotState =
  | FreeSlot
  | { readonly mode: "reserved"; readonly holder: string; readonly untilMs: number }
  | { readonly mode: "granting"; readonly holder: string; readonly from: FreeSlot }
  | { readonly mode: "granted"; readonly holder: string; readonly untilMs: number }
  | ({ readonly mode: "held" } & Holding)
  | ({ readonly mode: "releasing"; readonly askedUntilMs: number } & Holding);

export interface FreeSlot {
  readonly mode: "free";
  readonly cause: FreeCause;
  readonly lastHolder: string | undefined;
}

interface Holding {
  readonly holder: string;
  readonly epoch: bigint;
  readonly stalled: boolean;
  readonly untilMs: number;
}

/** Why nobody has a slot; label of the metric. */
export type FreeCause = "new" | "dropped" | "dead" | "expired" | "not-taken" | "unanswered";

export const newSlot: FreeSlot = { mode: "free", cause: "new", lastHolder: undefined };

/** Who has it or is about to. */
export function holderOf(state: SlotState): string | undefined {
  return state.mode === "free" ? undefined : state.holder;
}

/** Whether commands sent to it are answered. A reserved one gets the benefit of the doubt. */
export function isServed(state: SlotState): boolean {
  if (state.mode === "held" || state.mode === "releasing") return !state.stalled;
  return state.mode === "reserved";
}

export interface SlotReport {
  readonly holder: string;
  readonly epoch: bigint;
  readonly stalled: boolean;
}

/** - *held*: it has it, and its lease is to be renewed unless stalled;
 *  - *fenced*: another epoch is the true one: it must let go;
 *  - *ignored*: another is about to take it; PostgreSQL decides between them. */
export type ReportVerdict = "held" | "fenced" | "ignored";

/** A heartbeat names the slot. @param trueEpoch epoch in `world.slots` as last read, 0 = no row. */
export function reported(
  state: SlotState,
  report: SlotReport,
  trueEpoch: bigint,
  nowMs: number,
  ttlMs: number,
): { readonly state: SlotState; readonly verdict: ReportVerdict } {
  const { holder, epoch, stalled } = report;
  if (epoch < trueEpoch) return { state, verdict: "fenced" };
  const owns = holderOf(state) === holder;
  // An epoch above the one that was read is believed of the one to whom the slot was given: just taken.
  if (!owns && epoch > trueEpoch) return { state, verdict: "ignored" };
  if (!owns && (state.mode === "granting" || state.mode === "granted")) {
    return { state, verdict: "ignored" };
  }
  const had = owns && (state.mode === "held" || state.mode === "releasing") ? state : undefined;
  // Who serves nothing keeps what it has until it ends, and gets nothing back: else it would keep it for ever.
  if (stalled && had === undefined) return { state, verdict: "ignored" };
  const untilMs = stalled && had !== undefined ? had.untilMs : nowMs + ttlMs;
  const holding = { holder, epoch, stalled, untilMs };
  return {
    state:
      had?.mode === "releasing"
        ? { mode: "releasing", askedUntilMs: had.askedUntilMs, ...holding }
        : { mode: "held", ...holding },
    verdict: "held",
  };
}

/**
 * A heartbeat of `holder` leaves the slot out. A grant that it has not seen yet stands; what a router that has
 * forgotten kept for it does not.
 */
export function leftOut(state: SlotState, holder: string): SlotState {
  if (holderOf(state) !== holder) return state;
  if (state.mode === "reserved") return free("not-taken", holder);
  return state.mode === "held" || state.mode === "releasing" ? free("dropped", holder) : state;
}

/** `holder` hears of no grant any more. One that it has heard of all the same is decided by PostgreSQL. */
export function grantLost(state: SlotState, holder: string): SlotState {
  const granted = state.mode === "granting" || state.mode === "granted";
  return granted && state.holder === holder ? free("not-taken", holder) : state;
}

/** `holder` is known to be dead. */
export function holderDied(state: SlotState, holder: string): SlotState {
  return holderOf(state) === holder ? free("dead", holder) : state;
}

/** Time has passed. */
export function timePassed(state: SlotState, nowMs: number): SlotState {
  switch (state.mode) {
    case "free":
    case "granting":
      return state;
    case "granted":
      return nowMs < state.untilMs ? state : free("not-taken", state.holder);
    case "releasing":
      if (nowMs >= state.askedUntilMs) return free("unanswered", state.holder);
      return nowMs < state.untilMs ? state : free("expired", state.holder);
    case "reserved":
    case "held":
      return nowMs < state.untilMs ? state : free("expired", state.holder);
    default:
      return assertNever(state);
  }
}

export function granting(
  from: FreeSlot,
  holder: string,
): SlotState & { readonly mode: "granting" } {
  return { mode: "granting", holder, from };
}

/** Its preparation has failed, or nothing could be pushed. */
export function grantFailed(state: SlotState & { readonly mode: "granting" }): FreeSlot {
  return state.from;
}

export function releasing(
  state: SlotState & { readonly mode: "held" },
  askedUntilMs: number,
): SlotState {
  return { ...state, mode: "releasing", askedUntilMs };
}

/** What is stored of a slot. */
export interface StoredSlot {
  /** Who minted the epoch that PostgreSQL has, and whether it has let go in good order. */
  readonly row: { readonly owner: string; readonly released: boolean } | undefined;
  readonly lease: { readonly holder: string; readonly ttlMs: number } | undefined;
}

/** A router begins, and knows of the slot what is stored. */
export function remembered({ row, lease }: StoredSlot, nowMs: number, ttlMs: number): SlotState {
  // A lease outlives its owner's farewell; the next take may overwrite it.
  if (row?.released === true && lease?.holder === row.owner) return free("dropped", row.owner);
  if (lease !== undefined) return reserved(lease.holder, nowMs + lease.ttlMs);
  return row === undefined || row.released ? newSlot : reserved(row.owner, nowMs + ttlMs);
}

/**
 * PostgreSQL's row was read. Another owner with a later epoch than the holder's has taken the slot.
 * @param grantedEpoch epoch from which the holder of a *granted* slot was told to take it.
 * @param isAble whether the row's owner may still serve it.
 */
export function rowRead(
  state: SlotState,
  row: { readonly epoch: bigint; readonly owner: string },
  grantedEpoch: bigint | undefined,
  isAble: boolean,
  untilMs: number,
): SlotState {
  if (state.mode !== "granted" && state.mode !== "held" && state.mode !== "releasing") return state;
  const known = state.mode === "granted" ? grantedEpoch : state.epoch;
  if (known === undefined || row.epoch <= known || row.owner === state.holder) return state;
  // Taken at the last moment by one that has gone: this grant cannot be taken any more.
  if (state.mode === "granted" && !isAble) return free("not-taken", row.owner);
  // Who names it next with that epoch has it.
  return reserved(row.owner, untilMs);
}

/** Somebody may have it, as PostgreSQL or the lease store says: nobody else is granted it until `untilMs`. */
export function reserved(holder: string, untilMs: number): SlotState {
  return { mode: "reserved", holder, untilMs };
}

/** The grant was pushed to the holder for whom it was prepared. */
export function granted(
  state: SlotState & { readonly mode: "granting" },
  untilMs: number,
): SlotState {
  return { mode: "granted", holder: state.holder, untilMs };
}

export function free(cause: FreeCause, lastHolder: string | undefined): FreeSlot {
  return { mode: "free", cause, lastHolder };
}

function assertNever(state: never): never {
  throw new Error(`no such state of a slot: ${JSON.stringify(state)}`);
}
