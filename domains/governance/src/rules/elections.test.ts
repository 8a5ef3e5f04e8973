import { uuidText, uuidv7Bytes } from "@hexhold/messaging";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ballotsMax,
  callElection,
  type CallState,
  candidatesMax,
  type ElectionRules,
  electorsOf,
  type OpenElection,
  type Resident,
  standRefusal,
  voteRefusal,
} from "./elections.ts";

/** Ten thousand runs, on a machine that does a dozen other things. */
const msMax = 30_000;

const hour = 3_600_000;
const day = 24 * hour;
const nowMs = 1_800_000_000_000;
const rules: ElectionRules = {
  electionMs: day,
  termMs: 28 * day,
  coolMs: day,
  inactiveMs: 14 * day,
  residenceMs: day,
  accountAgeMs: 72 * hour,
  quorumPerMille: 300,
  headsMin: 3,
  callMin: 100,
};
/** Of an account as old as that. */
const account = (ageMs = 30 * day): string => uuidText(uuidv7Bytes(nowMs - ageMs));
const resident = (given: Partial<Resident> = {}): Resident => ({
  account: account(),
  sinceMs: nowMs - 10 * day,
  points: 100n,
  ...given,
});
const people = [resident(), resident(), resident()] as const;
const [caller] = people;
const state = (given: Partial<CallState> = {}): CallState => ({
  nowMs,
  owner: undefined,
  isElectionOpen: false,
  closedMs: -Infinity,
  residents: people,
  ...given,
});
const call = (given: Partial<CallState> = {}, by = caller.account) => {
  const called = callElection(by, state(given), rules);
  return called.kind === "refused" ? called.reason : called.cause;
};
const owner = {
  account: account(),
  untilMs: nowMs + day,
  isResident: false,
  contributedMs: nowMs - 14 * day,
};

describe("a call", () => {
  it("is for residents who have done something here", () => {
    expect(call()).toBe("vacant");
    expect(call({}, account())).toBe("not-resident");
    const poor = resident({ points: 99n });
    expect(call({ residents: [poor, ...people] }, poor.account)).toBe("too-little-reputation");
  });

  it("fixes electors and their weights: who has points, a home here and an account old enough", () => {
    const others = [
      resident({ points: 0n }),
      resident({ sinceMs: nowMs - day + 1 }),
      resident({ account: account(72 * hour - 1) }),
      // Of no account that registered.
      resident({ account: "00000000-0000-4000-8000-000000000000" }),
    ];
    const last = resident({ sinceMs: nowMs - day, account: account(72 * hour), points: 1n });
    const called = callElection(
      caller.account,
      state({ residents: [...people, ...others, last] }),
      rules,
    );
    expect(called).toMatchObject({
      electors: [...people, last].map((of) => ({ account: of.account, weight: of.points })),
      owner: undefined,
    });
    expect(call({ residents: [caller, ...others] })).toBe("too-few-electors");
    const young = { residenceMs: 0, accountAgeMs: 0 };
    expect(electorsOf(others, nowMs, young)).toHaveLength(3);
  });

  it("waits for the end of an election, and a while behind it", () => {
    expect(call({ isElectionOpen: true })).toBe("election-open");
    expect(callElection(caller.account, state({ closedMs: nowMs - day + 1 }), rules)).toEqual({
      kind: "refused",
      reason: "cooling-down",
      retryAfterMs: 1,
    });
    expect(call({ closedMs: nowMs - day })).toBe("vacant");
  });

  it("waits for the end of a term, unless its owner lives elsewhere and has done nothing for long", () => {
    expect(call({ owner: { ...owner, contributedMs: nowMs - 14 * day + 1 } })).toBe(
      "owner-in-term",
    );
    expect(call({ owner: { ...owner, isResident: true } })).toBe("owner-in-term");
    const longOwner = { ...owner, isResident: true, untilMs: nowMs + 366 * day };
    expect(callElection(caller.account, state({ owner: longOwner }), rules)).toMatchObject({
      retryAfterMs: day,
    });
    expect(call({ owner: { ...owner, isResident: true, untilMs: nowMs } })).toBe("term-over");
    expect(callElection(caller.account, state({ owner }), rules)).toMatchObject({
      cause: "owner-inactive",
      owner: owner.account,
    });
    expect(call({ owner: { ...owner, contributedMs: -Infinity } })).toBe("owner-inactive");
  });
});

const election: OpenElection = {
  isOpen: true,
  opensMs: nowMs - 1000,
  closesMs: nowMs + 1000,
  owner: owner.account,
};
const elector = { account: account(), isElector: true, isCandidate: false, candidates: 0 };

describe("who stands", () => {
  it("is an elector, once, in the first half, one of 16", () => {
    expect(standRefusal(election, elector, nowMs)).toBeUndefined();
    expect(standRefusal(undefined, elector, nowMs)).toBe("not-open");
    expect(standRefusal({ ...election, isOpen: false }, elector, nowMs)).toBe("not-open");
    expect(standRefusal(election, elector, nowMs + 1000)).toBe("not-open");
    expect(standRefusal(election, { ...elector, isElector: false }, nowMs)).toBe("not-elector");
    expect(standRefusal(election, { ...elector, isCandidate: true }, nowMs)).toBe(
      "already-standing",
    );
    expect(standRefusal(election, elector, nowMs + 1)).toBe("too-late");
    const crowd = { ...elector, candidates: candidatesMax };
    expect(standRefusal(election, crowd, nowMs)).toBe("too-many-candidates");
    expect(
      standRefusal(election, { ...crowd, candidates: candidatesMax - 1 }, nowMs),
    ).toBeUndefined();
  });

  it("may be the owner who is to be replaced, from wherever it is", () => {
    const away = { ...elector, account: owner.account, isElector: false };
    expect(standRefusal(election, away, nowMs)).toBeUndefined();
    expect(standRefusal({ ...election, owner: undefined }, away, nowMs)).toBe("not-elector");
  });
});

describe("who votes", () => {
  it("is an elector, for a candidate, until the end", () => {
    const vote = { isElector: true, isCandidate: true, ballots: ballotsMax - 1 };
    expect(voteRefusal(election, vote, nowMs)).toBeUndefined();
    expect(voteRefusal(election, vote, nowMs + 999)).toBeUndefined();
    expect(voteRefusal(election, vote, nowMs + 1000)).toBe("not-open");
    expect(voteRefusal(undefined, vote, nowMs)).toBe("not-open");
    expect(voteRefusal({ ...election, isOpen: false }, vote, nowMs)).toBe("not-open");
    expect(voteRefusal(election, { ...vote, isElector: false }, nowMs)).toBe("not-elector");
    expect(voteRefusal(election, { ...vote, isCandidate: false }, nowMs)).toBe("not-candidate");
    expect(voteRefusal(election, { ...vote, ballots: ballotsMax }, nowMs)).toBe("too-many-votes");
  });
});

it(
  "no electorate has more weight than the points of all who live there",
  () => {
    const someone = fc.record({
      points: fc.bigInt({ min: 0n, max: 1000n }),
      sinceMs: fc.integer({ min: nowMs - 2 * day, max: nowMs }),
      ageMs: fc.integer({ min: 0, max: 5 * day }),
    });
    fc.assert(
      fc.property(fc.array(someone, { maxLength: 6 }), (given) => {
        const residents = given.map(({ ageMs, ...rest }) => ({ ...rest, account: account(ageMs) }));
        const electors = electorsOf(residents, nowMs, rules);
        for (const { account: of, weight } of electors) {
          expect(residents.find((known) => known.account === of)?.points).toBe(weight);
          expect(weight > 0n).toBe(true);
        }
      }),
      { numRuns: 10_000 },
    );
  },
  msMax,
);
