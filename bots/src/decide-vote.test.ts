import { expect, test } from "vitest";
import { type CouncilSight, decideVote } from "./decide-vote.ts";
import { seededRandom } from "./seeded-random.ts";

const account = (n: number): Uint8Array => new Uint8Array(16).fill(n);
const open: NonNullable<CouncilSight["election"]> = {
  election: "e",
  ownWeight: 5n,
  candidates: [account(1), account(2), account(3)],
  isCandidate: false,
  hasVoted: false,
};
const vacant: CouncilSight = { isOwned: false, points: 10n, election: undefined };
const steps = (seen: CouncilSight, stands = false) => {
  const random = seededRandom(5);
  return Array.from({ length: 300 }, () => decideVote(seen, stands, random));
};

test("an election is called by who stands, has the points, and lives where nobody owns", () => {
  expect(steps(vacant, true)[0]).toEqual({ kind: "call" });
  const others = [steps(vacant), steps({ ...vacant, points: 9n }, true)];
  others.push(steps({ ...vacant, isOwned: true }, true));
  for (const all of others) expect(all.every((step) => step === undefined)).toBe(true);
});

test("an elector stands once if it means to, and votes for somebody who stands; others do neither", () => {
  expect(steps({ ...vacant, election: open }, true)[0]).toEqual({ kind: "stand", election: "e" });
  const votes = steps({ ...vacant, election: { ...open, isCandidate: true } }, true);
  const chosen = votes.map((step) => (step?.kind === "vote" ? step.candidate[0]! : 0));
  expect(new Set(chosen)).toEqual(new Set([1, 2, 3]));
  // A tie is rare.
  expect(chosen.filter((n) => n === 1).length).toBeGreaterThan(180);
  const stranger = steps({ ...vacant, election: { ...open, ownWeight: 0n } }, true);
  const nobody = steps({ ...vacant, election: { ...open, candidates: [] } });
  for (const step of [...stranger, ...nobody]) expect(step).toBeUndefined();
});

test("who has voted changes its mind now and then", () => {
  const votes = steps({ ...vacant, election: { ...open, hasVoted: true } });
  const again = votes.filter((step) => step !== undefined).length;
  expect(again).toBeGreaterThan(10);
  expect(again).toBeLessThan(60);
});
