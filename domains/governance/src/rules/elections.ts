/** Who may call an election, stand in it and vote. Pure. */
import { isUuidv7, uuidBytes, uuidv7Ms } from "@hexhold/messaging";
import type { Elector } from "./tally.ts";

export interface ElectionRules {
  readonly electionMs: number;
  /** An owner's time. */
  readonly termMs: number;
  /** From the end of an election to the next call in the same hex. */
  readonly coolMs: number;
  /** After so long without a contribution an owner that lives elsewhere may be replaced. */
  readonly inactiveMs: number;
  /** Who has lived in the hex for less is no elector. */
  readonly residenceMs: number;
  /** Whose account is younger is no elector. */
  readonly accountAgeMs: number;
  readonly quorumPerMille: number;
  readonly headsMin: number;
  /** Points that a call takes; they are not spent. */
  readonly callMin: number;
}

export type Cause = "vacant" | "term-over" | "owner-inactive";

/** Who is to come again is told of a day at most: terms are longer than a uint32 of milliseconds may be. */
const retryMsMax = 86_400_000;

/** Candidates of an election. */
export const candidatesMax = 16;

/** Times that an elector may change its mind: each is a row for ever. */
export const ballotsMax = 100;

export interface Resident {
  /** UUID as text. */
  readonly account: string;
  readonly sinceMs: number;
  /** In this hex, as of now. */
  readonly points: bigint;
}

export interface OwnerNow {
  readonly account: string;
  readonly untilMs: number;
  /** Lives in the hex. */
  readonly isResident: boolean;
  /** Of its newest contribution to the hex; -Infinity = none. */
  readonly contributedMs: number;
}

export interface CallState {
  readonly nowMs: number;
  /** Undefined: the hex has never had one. */
  readonly owner: OwnerNow | undefined;
  readonly isElectionOpen: boolean;
  /** Of the newest election in the hex; -Infinity = there was none. */
  readonly closedMs: number;
  readonly residents: readonly Resident[];
}

export type CallRefusal =
  | "not-resident"
  | "too-little-reputation"
  | "owner-in-term"
  | "election-open"
  | "cooling-down"
  | "too-few-electors";

export type Called =
  | { readonly kind: "refused"; readonly reason: CallRefusal; readonly retryAfterMs?: number }
  | {
      readonly kind: "called";
      readonly cause: Cause;
      readonly electors: readonly Elector[];
      /** Whom the election would replace. */
      readonly owner: string | undefined;
    };

export function callElection(caller: string, state: CallState, rules: ElectionRules): Called {
  const { nowMs, owner, residents } = state;
  const refused = (reason: CallRefusal, untilMs?: number): Called => ({
    kind: "refused",
    reason,
    ...(untilMs === undefined
      ? {}
      : { retryAfterMs: Math.min(Math.max(Math.ceil(untilMs - nowMs), 1), retryMsMax) }),
  });
  const self = residents.find(({ account }) => account === caller);
  if (self === undefined) return refused("not-resident");
  if (self.points < BigInt(rules.callMin)) return refused("too-little-reputation");
  if (state.isElectionOpen) return refused("election-open");
  const cause = causeOf(owner, nowMs, rules.inactiveMs);
  if (cause === undefined) return refused("owner-in-term", owner!.untilMs);
  if (nowMs < state.closedMs + rules.coolMs) {
    return refused("cooling-down", state.closedMs + rules.coolMs);
  }
  const electors = electorsOf(residents, nowMs, rules);
  if (electors.length < rules.headsMin) return refused("too-few-electors");
  const replaced = cause === "owner-inactive" ? owner?.account : undefined;
  return { kind: "called", cause, electors, owner: replaced };
}

/** Why a new owner may be elected; undefined: there is one in term, who is there. */
export function causeOf(
  owner: OwnerNow | undefined,
  nowMs: number,
  inactiveMs: number,
): Cause | undefined {
  if (owner === undefined) return "vacant";
  if (nowMs >= owner.untilMs) return "term-over";
  const isIdle = owner.contributedMs + inactiveMs <= nowMs;
  return !owner.isResident && isIdle ? "owner-inactive" : undefined;
}

/** Who has done something for the hex, lives there long enough and has an account old enough. */
export function electorsOf(
  residents: readonly Resident[],
  nowMs: number,
  { residenceMs, accountAgeMs }: Pick<ElectionRules, "residenceMs" | "accountAgeMs">,
): readonly Elector[] {
  return residents
    .filter(
      ({ account, sinceMs, points }) =>
        points > 0n && sinceMs + residenceMs <= nowMs && isOldEnough(account, nowMs, accountAgeMs),
    )
    .map(({ account, points }) => ({ account, weight: points }));
}

/** The moment of an account's making is in its id. One that has none is of no player who registered: as young as can be. */
function isOldEnough(account: string, nowMs: number, accountAgeMs: number): boolean {
  if (accountAgeMs === 0) return true;
  const id = uuidBytes(account);
  return isUuidv7(id) && uuidv7Ms(id) + accountAgeMs <= nowMs;
}

export interface OpenElection {
  readonly isOpen: boolean;
  readonly opensMs: number;
  readonly closesMs: number;
  /** Whom it would replace. */
  readonly owner: string | undefined;
}

/** Who asks, as the election knows it. */
export interface Standing {
  readonly account: string;
  readonly isElector: boolean;
  readonly isCandidate: boolean;
  /** In the election so far. */
  readonly candidates: number;
}

/** Undefined: it may. An owner who is to be replaced may defend its place, wherever it lives. */
export function standRefusal(
  election: OpenElection | undefined,
  { account, isElector, isCandidate, candidates }: Standing,
  nowMs: number,
):
  | "not-open"
  | "not-elector"
  | "already-standing"
  | "too-late"
  | "too-many-candidates"
  | undefined {
  if (!isVoting(election, nowMs)) return "not-open";
  if (!isElector && election.owner !== account) return "not-elector";
  if (isCandidate) return "already-standing";
  // Who stands in the last minute is elected unread.
  if (nowMs > election.opensMs + (election.closesMs - election.opensMs) / 2) return "too-late";
  return candidates >= candidatesMax ? "too-many-candidates" : undefined;
}

/** Who votes, and for whom, as the election knows them. */
export interface Voter {
  readonly isElector: boolean;
  /** Of whom it votes for. */
  readonly isCandidate: boolean;
  /** That it has cast so far. */
  readonly ballots: number;
}

/** Undefined: it may. */
export function voteRefusal(
  election: OpenElection | undefined,
  { isElector, isCandidate, ballots }: Voter,
  nowMs: number,
): "not-open" | "not-elector" | "not-candidate" | "too-many-votes" | undefined {
  if (!isVoting(election, nowMs)) return "not-open";
  if (!isElector) return "not-elector";
  if (!isCandidate) return "not-candidate";
  return ballots >= ballotsMax ? "too-many-votes" : undefined;
}

/** Nothing counts from its end on, however late it is closed. */
function isVoting(election: OpenElection | undefined, nowMs: number): election is OpenElection {
  return election?.isOpen === true && nowMs < election.closesMs;
}
