import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Ballot, type Bars, type Elector, tally } from "./tally.ts";

/** Ten thousand runs, on a machine that does a dozen other things. */
const msMax = 30_000;

const bars: Bars = { quorumPerMille: 300n, headsMin: 3 };
const runs = { numRuns: 10_000 };

const electors = (...weights: number[]): Elector[] =>
  weights.map((weight, n) => ({ account: `elector-${n}`, weight: BigInt(weight) }));
const votes = (...candidates: (string | undefined)[]): Ballot[] =>
  candidates.flatMap((candidate, n) =>
    candidate === undefined ? [] : [{ account: `elector-${n}`, candidate, nth: 1 }],
  );

const accounts = ["a", "b", "c", "d", "e", "f", "g"];
const candidates = ["x", "y", "z"];
const someElectors = fc.uniqueArray(fc.constantFrom(...accounts), { maxLength: 7 }).chain((names) =>
  fc.tuple(
    ...names.map((account) =>
      fc.record({
        account: fc.constant(account),
        weight: fc.bigInt({ min: 1n, max: 40n }),
      }),
    ),
  ),
);
/** Of electors and others, numbered as they came. */
const someBallots = fc
  .array(
    fc.record({ account: fc.constantFrom(...accounts), candidate: fc.constantFrom(...candidates) }),
    { maxLength: 14 },
  )
  .map((given) => {
    const counts = new Map<string, number>();
    return given.map(({ account, candidate }): Ballot => {
      const nth = (counts.get(account) ?? 0) + 1;
      counts.set(account, nth);
      return { account, candidate, nth };
    });
  });
const someBars = fc.record({
  quorumPerMille: fc.bigInt({ min: 0n, max: 1000n }),
  headsMin: fc.integer({ min: 1, max: 5 }),
});

describe("an election", () => {
  it("is won by who has more weight than anybody else", () => {
    expect(tally(votes("x", "y", "y"), electors(10, 4, 5), bars)).toEqual({
      kind: "winner",
      winner: "x",
      turnout: { weight: 19n, heads: 3 },
    });
  });

  it("of which two have as much fails", () => {
    const { kind, turnout } = tally(votes("x", "y", "y"), electors(10, 5, 5), bars);
    expect([kind, turnout.weight]).toEqual(["failed", 20n]);
    expect(tally(votes("x", "y", "y"), electors(10, 5, 5), bars)).toMatchObject({ failure: "tie" });
    expect(tally(votes("x", "y", "y"), electors(11, 5, 5), bars).kind).toBe("winner");
  });

  it("fails below the quorum of weight, and not at it", () => {
    const voted = votes("x", "x", "x");
    expect(tally(voted, electors(1, 1, 28, 70), bars).kind).toBe("winner");
    expect(tally(voted, electors(1, 1, 27, 70), bars)).toMatchObject({ failure: "quorum" });
  });

  it("fails with too few heads, whatever their weight, and without any", () => {
    expect(tally(votes("x", "x"), electors(1000, 1000, 1), bars)).toMatchObject({
      failure: "heads",
    });
    expect(tally([], electors(1, 1, 1), bars)).toMatchObject({ failure: "no-votes" });
  });
});

/** Another way to the same: each elector's ballots by themselves. */
function reference(ballots: readonly Ballot[], of: readonly Elector[], given: Bars): string {
  const sums: Record<string, bigint> = {};
  let [all, voted, heads] = [0n, 0n, 0];
  for (const { account, weight } of of) {
    all += weight;
    const own = ballots.filter((ballot) => ballot.account === account);
    if (own.length === 0) continue;
    const last = own.reduce((a, b) => (b.nth > a.nth ? b : a));
    voted += weight;
    heads += 1;
    sums[last.candidate] = (sums[last.candidate] ?? 0n) + weight;
  }
  if (heads < given.headsMin || voted * 1000n < all * given.quorumPerMille) return "failed";
  const most = Object.entries(sums).filter(([, sum]) =>
    Object.values(sums).every((other) => other <= sum),
  );
  return most.length === 1 ? most[0]![0] : "failed";
}
const said = (result: ReturnType<typeof tally>): string =>
  result.kind === "winner" ? result.winner : result.kind;

it(
  "comes out as by counting each elector's last ballot by itself",
  () => {
    fc.assert(
      fc.property(someBallots, someElectors, someBars, (ballots, of, given) => {
        expect(said(tally(ballots, of, given))).toBe(reference(ballots, of, given));
      }),
      runs,
    );
  },
  msMax,
);

it(
  "does not depend on the order in which ballots are read",
  () => {
    fc.assert(
      fc.property(
        someBallots.chain((ballots) =>
          fc.tuple(
            fc.constant(ballots),
            fc.shuffledSubarray(ballots, { minLength: ballots.length }),
          ),
        ),
        someElectors,
        ([ballots, shuffled], of) => {
          expect(tally(shuffled, of, bars)).toEqual(tally(ballots, of, bars));
        },
      ),
      runs,
    );
  },
  msMax,
);

it(
  "is changed by nobody who is no elector: a brigade that comes after the call",
  () => {
    fc.assert(
      fc.property(
        someBallots,
        someElectors,
        fc.array(fc.constantFrom(...candidates), { maxLength: 40 }),
        (ballots, of, brigade) => {
          const theirs = brigade.map((candidate, n) => ({
            account: `new-${n}`,
            candidate,
            nth: 1,
          }));
          expect(tally([...ballots, ...theirs], of, bars)).toEqual(tally(ballots, of, bars));
        },
      ),
      runs,
    );
  },
  msMax,
);

it(
  "is not won by more for whoever splits its weight over two accounts",
  () => {
    fc.assert(
      fc.property(
        someElectors,
        fc.bigInt({ min: 2n, max: 100n }),
        fc.bigInt({ min: 1n, max: 99n }),
        someBallots,
        (of, weight, part, ballots) => {
          fc.pre(part < weight);
          // No bar by heads: there two who would be one are one head more, and points are what they cost.
          const given: Bars = { quorumPerMille: 300n, headsMin: 1 };
          const one: Elector = { account: "whole", weight };
          const two: Elector[] = [
            { account: "part-1", weight: part },
            { account: "part-2", weight: weight - part },
          ];
          const alone = [...ballots, { account: "whole", candidate: "x", nth: 1 }];
          const split = [
            ...ballots,
            { account: "part-1", candidate: "x", nth: 1 },
            { account: "part-2", candidate: "x", nth: 1 },
          ];
          expect(said(tally(split, [...of, ...two], given))).toBe(
            said(tally(alone, [...of, one], given)),
          );
        },
      ),
      runs,
    );
  },
  msMax,
);
