/** From ballots to an owner, or to none. Pure. */

export interface Elector {
  /** UUID as text. */
  readonly account: string;
  /** Points at the call; above 0. */
  readonly weight: bigint;
}

export interface Ballot {
  readonly account: string;
  readonly candidate: string;
  /** Counts the ballots of the account in this election, from 1. */
  readonly nth: number;
}

export interface Bars {
  /** Thousandths of the electorate's weight that must have voted. */
  readonly quorumPerMille: bigint;
  /** Electors who must have voted. */
  readonly headsMin: number;
}

export interface Turnout {
  readonly weight: bigint;
  readonly heads: number;
}

/** Why nothing changes. */
export type Failure = "no-votes" | "heads" | "quorum" | "tie";

export type Tally = { readonly turnout: Turnout } & (
  | { readonly kind: "winner"; readonly winner: string }
  | { readonly kind: "failed"; readonly failure: Failure }
);

/** The last ballot of each elector; those of others do not count. */
export function lastBallots(
  ballots: readonly Ballot[],
  electors: readonly Elector[],
): ReadonlyMap<string, Ballot> {
  const may = new Set(electors.map(({ account }) => account));
  const last = new Map<string, Ballot>();
  for (const ballot of ballots) {
    const before = last.get(ballot.account);
    if (!may.has(ballot.account) || (before !== undefined && before.nth >= ballot.nth)) continue;
    last.set(ballot.account, ballot);
  }
  return last;
}

/** Weight of each candidate that was voted for. */
export function weightsOf(
  ballots: readonly Ballot[],
  electors: readonly Elector[],
): ReadonlyMap<string, bigint> {
  const last = lastBallots(ballots, electors);
  const weights = new Map<string, bigint>();
  for (const { account, weight } of electors) {
    const candidate = last.get(account)?.candidate;
    if (candidate === undefined) continue;
    weights.set(candidate, (weights.get(candidate) ?? 0n) + weight);
  }
  return weights;
}

/**
 * The winner has more weight than anybody else, and enough have voted: by weight, so that few who did little decide nothing
 * for those who did much, and by heads, so that one who did much decides nothing alone.
 */
export function tally(
  ballots: readonly Ballot[],
  electors: readonly Elector[],
  { quorumPerMille, headsMin }: Bars,
): Tally {
  const last = lastBallots(ballots, electors);
  const all = electors.reduce((sum, { weight }) => sum + weight, 0n);
  const turnout: Turnout = {
    weight: electors.reduce(
      (sum, { account, weight }) => sum + (last.has(account) ? weight : 0n),
      0n,
    ),
    heads: last.size,
  };
  const failed = (failure: Failure): Tally => ({ kind: "failed", failure, turnout });
  if (turnout.heads === 0) return failed("no-votes");
  if (turnout.heads < headsMin) return failed("heads");
  if (turnout.weight * 1000n < all * quorumPerMille) return failed("quorum");
  const [first, second] = [...weightsOf(ballots, electors)].toSorted(([, a], [, b]) =>
    a === b ? 0 : a > b ? -1 : 1,
  );
  if (first![1] === second?.[1]) return failed("tie");
  return { kind: "winner", winner: first![0], turnout };
}
