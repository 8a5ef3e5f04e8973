/** Errors by which elections are won that nobody has won, and the test that finds each. */
import type { PlantedFault } from "./economy.ts";

const rules = "domains/governance/src/rules";
const handlers = "domains/governance/src/handlers";
const timers = "domains/governance/src/timers/election-timers.ts";
const schema = "infra/pg_migrations/governance/0001_governance.sql";

const unit = (file: string, name: string) => ({ project: "unit", file, name }) as const;
const integration = (file: string, name: string) =>
  ({ project: "integration", file: `${handlers}/${file}.int.test.ts`, name }) as const;

export const electionFaults: readonly PlantedFault[] = [
  {
    name: "election: a vote that holds nothing",
    file: schema,
    from: "WHERE e.election_id = asked.id FOR SHARE;",
    to: "WHERE e.election_id = asked.id;",
    test: integration("elections", "of which one votes while the other closes"),
  },
  {
    name: "election: a close that holds nothing",
    file: schema,
    from: "WHERE e.election_id = asked.id FOR UPDATE;\n    END IF;",
    to: "WHERE e.election_id = asked.id;\n    END IF;",
    test: integration("elections", "that close at once"),
  },
  {
    name: "election: a call that holds nothing",
    file: schema,
    from: "WHERE h.hex = asked FOR UPDATE;",
    to: "WHERE h.hex = asked;",
    test: integration("elections", "that are called at once"),
  },
  {
    name: "election: votes after the end",
    file: `${rules}/elections.ts`,
    from: "return election?.isOpen === true && nowMs < election.closesMs;",
    to: "return election?.isOpen === true;",
    test: integration("elections", "is closed hours after its end"),
  },
  {
    name: "election: a hex that is told once",
    file: timers,
    from: "waiting.map((row) => setOwner(outbox, row)),",
    to: "waiting.slice(1).map((row) => setOwner(outbox, row)),",
    test: integration("elections", "a hex that says nothing"),
  },
  {
    name: "election: one who is no elector counts",
    file: `${rules}/tally.ts`,
    from: "if (!may.has(ballot.account) || (",
    to: "if (may.size < 0 || (",
    test: unit(`${rules}/tally.test.ts`, "is changed by nobody who is no elector"),
  },
  {
    name: "election: the first vote counts",
    file: `${rules}/tally.ts`,
    from: "before.nth >= ballot.nth",
    to: "before.nth <= ballot.nth",
    test: unit(`${rules}/tally.test.ts`, "comes out as by counting"),
  },
  {
    name: "election: a tie is won",
    file: `${rules}/tally.ts`,
    from: 'if (first![1] === second?.[1]) return failed("tie");',
    to: "void second;",
    test: unit(`${rules}/tally.test.ts`, "comes out as by counting"),
  },
  {
    name: "election: no quorum",
    file: `${rules}/tally.ts`,
    from: 'if (turnout.weight * 1000n < all * quorumPerMille) return failed("quorum");',
    to: "void all;\n  void quorumPerMille;",
    test: unit(`${rules}/tally.test.ts`, "comes out as by counting"),
  },
  {
    name: "election: votes by the root of points",
    file: `${rules}/elections.ts`,
    from: ".map(({ account, points }) => ({ account, weight: points }));",
    to: ".map(({ account, points }) => ({ account, weight: BigInt(Math.ceil(Math.sqrt(Number(points)))) }));",
    test: unit(`${rules}/elections.test.ts`, "no electorate has more weight"),
  },
  {
    name: "election: who moved in yesterday votes",
    file: `${rules}/elections.ts`,
    from: "points > 0n && sinceMs + residenceMs <= nowMs &&",
    to: "points > 0n && sinceMs + residenceMs > 0 &&",
    test: unit(`${rules}/elections.test.ts`, "fixes electors and their weights"),
  },
  {
    name: "election: fading is rounded up",
    file: `${rules}/points.ts`,
    from: "const next = (left * fadePerMille) / 1000n;",
    to: "const next = (left * fadePerMille + 999n) / 1000n;",
    test: unit(`${rules}/points.test.ts`, "who splits what it does"),
  },
  {
    name: "election: what comes late is added as it is",
    file: `${handlers}/contributions.ts`,
    from: "return { points: pointsAt([...journal, ...worths], day, fadePerMille), day };",
    to: "void journal;\n  return { points: before.points + pointsAt(worths, day, fadePerMille), day };",
    test: integration("reputation", "points are what the journal makes of them"),
  },
  {
    name: "election: points read without a lock",
    file: schema,
    from: "WHERE r.account_id = asked.account AND r.hex = asked.hex FOR UPDATE;",
    to: "WHERE r.account_id = asked.account AND r.hex = asked.hex;",
    test: integration("reputation", "points are what the journal makes of them"),
  },
  {
    name: "election: who was heard of last lives there",
    file: `${rules}/residence.ts`,
    from: "number > known.number ||",
    to: "number >= 0n ||",
    test: unit(`${rules}/residence.test.ts`, "is the hex under the highest number"),
  },
  {
    name: "election: a term without an end",
    file: "examples/hamlets/src/hamlets.ts",
    from: "return nowMs < Number(owner.untilMs) ? owner.accountId : undefined;",
    to: "return nowMs > 0 ? owner.accountId : undefined;",
    test: unit("examples/hamlets/src/hamlets.test.ts", "its owner names it until the term is over"),
  },
];
