/** What a bot does at the council of its hex: pure, so that a seed and what was seen say all of it. */
import { anyOf, type Random } from "./seeded-random.ts";

/** What a bot knows of the council of its hex. */
export interface CouncilSight {
  /** Somebody owns the hex, and is in term. */
  readonly isOwned: boolean;
  /** Its own points in the hex. */
  readonly points: bigint;
  /** Undefined: none is open. */
  readonly election:
    | {
        readonly election: string;
        /** 0 = it is no elector. */
        readonly ownWeight: bigint;
        /** Accounts, in the order in which they stood. */
        readonly candidates: readonly Uint8Array[];
        readonly isCandidate: boolean;
        readonly hasVoted: boolean;
      }
    | undefined;
}

export type VoteStep =
  | { readonly kind: "call" }
  | { readonly kind: "stand"; readonly election: string }
  | { readonly kind: "vote"; readonly election: string; readonly candidate: Uint8Array };

/** Whoever has fewer may not call an election, in a development world: `governance.callMin`. */
const pointsMin = 10n;
/** The first candidate has it easier, so that few elections end in a tie. */
const firstShare = 0.6;
/** Of the looks of one that has voted already: a later vote replaces an earlier one. */
const changesItsMind = 0.1;

/** Decides on a call, a candidature or a vote; undefined: there is nothing to do now. */
export function decideVote(
  { isOwned, points, election }: CouncilSight,
  stands: boolean,
  random: Random,
): VoteStep | undefined {
  if (election === undefined) {
    return stands && !isOwned && points >= pointsMin ? { kind: "call" } : undefined;
  }
  const { ownWeight, candidates, isCandidate, hasVoted } = election;
  if (ownWeight === 0n) return undefined;
  if (stands && !isCandidate) return { kind: "stand", election: election.election };
  const [first] = candidates;
  if (first === undefined || (hasVoted && random() >= changesItsMind)) return undefined;
  const other = anyOf(candidates, random);
  const candidate = random() < firstShare ? first : other;
  return { kind: "vote", election: election.election, candidate };
}
