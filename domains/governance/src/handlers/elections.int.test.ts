/** Elections through PostgreSQL: every refusal, who is told, and what two instances make of the same moment. */
import { fromBinary } from "@bufbuild/protobuf";
import type { DomainMessage } from "@hexhold/domain";
import type { ElectionDecided } from "@hexhold/gen/hexhold/governance/v1/events_pb";
import { SetOwnerSchema } from "@hexhold/gen/hexhold/ownership/v1/ownership_pb";
import { uuidBytes, uuidText } from "@hexhold/messaging";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { call, called, settle, stand, vote } from "../../test/council.ts";
import {
  dayMs,
  elsewhere,
  entered,
  eventOf,
  type GovernanceDatabase,
  hex,
  newAccount,
  openGovernanceDatabase,
  ownerChanged,
  said,
  spawned,
  startMs,
  type TestGovernance,
  testRules,
  worth,
} from "../../test/governance-database.ts";

let database: GovernanceDatabase;
let governance: TestGovernance;
const rules = testRules();

beforeAll(async () => {
  database = await openGovernanceDatabase();
});
afterAll(async () => database.close());
beforeEach(async () => {
  await database.admin.query(
    `TRUNCATE governance.resident, governance.contribution, governance.reputation, governance.election, governance.elector,
      governance.candidate, governance.ballot, governance.ownership, governance.ownership_head, governance.due,
      governance.outbox, governance.account`,
  );
  database.nowMs = startMs;
  governance = database.open();
});

const run = async (...messages: DomainMessage[]): Promise<string[]> =>
  (await governance.run(...messages)).map(said);

interface OwnershipRow {
  readonly number: string;
  readonly owner: string;
  readonly until_ms: string;
  readonly applied_at: Date | null;
}
const ownerships = (): Promise<OwnershipRow[]> =>
  database.rows(
    `SELECT number, owner, (extract(epoch FROM until_at) * 1000)::bigint::text AS until_ms, applied_at
     FROM governance.ownership ORDER BY hex, number`,
  );
const electionRow = async (id: string) =>
  (
    await database.rows<{
      state: number;
      failure: string;
      winner: string | null;
      turnout_weight: string;
      turnout_heads: number;
    }>("SELECT * FROM governance.election WHERE election_id = $1", [id])
  )[0]!;

/** Transactions that wait for another one. */
const waiting = () =>
  database.rows(
    "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
  );

/** An election in which the first elector stands and all vote for it; open still. */
async function agreed(electors: readonly string[], of = hex): Promise<string> {
  const election = await called(governance, electors[0]!, of);
  expect(
    await run(
      stand(election, electors[0]!),
      ...electors.map((elector) => vote(election, elector, electors[0]!)),
    ),
  ).toEqual(["applied", ...electors.map(() => "applied")]);
  return election;
}

describe("an election", () => {
  test("is called, stood in, voted in and won; the hex is told its owner, who is there when it says so", async () => {
    const electors = await settle(governance, [100, 40, 70]);
    const [first, second, third] = electors as [string, string, string];
    const election = await called(governance, first);
    expect(
      await run(
        stand(election, second, "roads"),
        stand(election, third),
        vote(election, first, second),
        vote(election, second, second),
        vote(election, third, third),
        // The last one counts.
        vote(election, first, third),
      ),
    ).toEqual(Array.from({ length: 6 }, () => "applied"));
    expect(await governance.timers("close")).toBe(0);
    database.nowMs += rules.electionMs;
    expect(await governance.timers("close")).toBe(1);
    expect(await electionRow(election)).toMatchObject({
      state: 2,
      failure: "",
      winner: third,
      turnout_weight: "210",
      turnout_heads: 3,
    });
    const untilMs = database.nowMs + rules.termMs;
    const expected = { number: "1", owner: third, until_ms: String(untilMs), applied_at: null };
    expect(await ownerships()).toEqual([expected]);
    const [sent] = await database.sent();
    expect(sent).toMatchObject({ type: "cmd.hex.set-owner", producer: { service: "governance" } });
    expect(fromBinary(SetOwnerSchema, sent!.payload)).toMatchObject({
      number: 1n,
      owner: uuidBytes(third),
      untilMs: BigInt(untilMs),
      electionId: uuidBytes(election),
    });
    await governance.run(ownerChanged(1n, third, { atMs: database.nowMs + 5 }));
    expect((await ownerships())[0]?.applied_at).toEqual(new Date(database.nowMs + 5));
    database.nowMs += 30_000;
    expect(await governance.timers("apply")).toBe(1);
    expect(await database.sent()).toHaveLength(1);
    expect(await database.rows("SELECT 1 FROM governance.due")).toEqual([]);
  });

  test("is told to who listens to the hex's council, to its electors, and when it is decided too", async () => {
    const electors = await settle(governance, [100, 40, 70]);
    await agreed(electors);
    const told = () => governance.told.map(({ to, what }) => `${what} ${to}`).toSorted();
    const all = (what: string): string[] =>
      [`council/${hex}`, ...electors].map((to) => `${what} ${to}`).toSorted();
    expect(told()).toEqual(all("ElectionCalled"));
    database.nowMs += rules.electionMs;
    await governance.timers("close");
    expect(told()).toEqual([...all("ElectionCalled"), ...all("ElectionDecided")]);
    const decided = governance.told.at(-1)?.message as ElectionDecided;
    expect(decided).toMatchObject({ number: 1n, untilMs: BigInt(database.nowMs + rules.termMs) });
    expect(uuidText(decided.election!.winner)).toBe(electors[0]);
  });

  test.each([
    ["no-votes", [100, 100, 100], []],
    ["heads", [100, 100, 100], [0, 1]],
    ["quorum", [1000, 1, 1, 1], [1, 2, 3]],
  ] as const)("without %s changes nothing", async (failure, points, voters) => {
    const electors = await settle(governance, points);
    const election = await called(governance, electors[0]!);
    await run(
      stand(election, electors[1]!),
      ...voters.map((n) => vote(election, electors[n]!, electors[1]!)),
    );
    database.nowMs += rules.electionMs;
    await governance.timers("close");
    expect(await electionRow(election)).toMatchObject({ state: 3, failure, winner: null });
    expect([await ownerships(), await database.sent()]).toEqual([[], []]);
  });

  test("in which two have as much weight changes nothing", async () => {
    const electors = await settle(governance, [100, 50, 50]);
    const [first, second, third] = electors as [string, string, string];
    const election = await called(governance, first);
    await run(
      stand(election, first),
      stand(election, second),
      vote(election, first, first),
      vote(election, second, second),
      vote(election, third, second),
    );
    database.nowMs += rules.electionMs;
    await governance.timers("close");
    expect(await electionRow(election)).toMatchObject({ state: 3, failure: "tie" });
  });

  test("is closed hours after its end as it stood then: nobody has voted since", async () => {
    const electors = await settle(governance, [100, 100, 100, 100]);
    const election = await called(governance, electors[0]!);
    const [first, second, third, fourth] = electors as [string, string, string, string];
    await run(
      stand(election, first),
      ...[first, second, third].map((elector) => vote(election, elector, first)),
    );
    database.nowMs += rules.electionMs + 7_200_000;
    expect(await run(vote(election, fourth, first), stand(election, fourth))).toEqual([
      "not-open",
      "not-open",
    ]);
    await governance.timers("close");
    expect(await electionRow(election)).toMatchObject({ state: 2, turnout_heads: 3 });
  });
});

describe("call-election is refused", () => {
  test("with not-resident where the account does not live, too-little-reputation, and too-few-electors", async () => {
    const [poor, rich, other] = (await settle(governance, [99, 100, 1])) as [
      string,
      string,
      string,
    ];
    const stranger = newAccount();
    expect(await run(call(stranger), call(rich, elsewhere), call(poor))).toEqual([
      "not-resident",
      "not-resident",
      "too-little-reputation",
    ]);
    await governance.run(entered(other, { of: elsewhere, number: 1n }));
    expect(await run(call(rich))).toEqual(["too-few-electors"]);
    // No hex that nobody lives in leaves a row.
    expect(await database.rows("SELECT hex FROM governance.ownership_head")).toEqual([{ hex }]);
  });

  test("with election-open, also by the same batch, with cooling-down behind it, and owner-in-term", async () => {
    const electors = await settle(governance, [200, 200, 200]);
    const [first, second] = electors as [string, string];
    expect(await run(call(first), call(second))).toEqual(["applied", "election-open"]);
    expect(await run(call(first))).toEqual(["election-open"]);
    database.nowMs += rules.electionMs;
    await governance.timers("close");
    expect((await governance.run(call(first)))[0]).toEqual({
      kind: "refused",
      reason: "cooling-down",
      retryAfterMs: rules.coolMs,
    });
    database.nowMs += rules.coolMs;
    await agreed(electors);
    database.nowMs += rules.electionMs;
    await governance.timers("close");
    expect(await run(call(first))).toEqual(["owner-in-term"]);
    database.nowMs += rules.termMs - 1;
    // Points have faded: a call takes more of them.
    expect(await run(call(first))).toEqual(["too-little-reputation"]);
    await governance.run(worth(first, 100, { atMs: database.nowMs }));
    expect(await run(call(first))).toEqual(["owner-in-term"]);
    database.nowMs += 1;
    expect(await run(call(first))).toEqual(["applied"]);
    expect(
      await database.rows("SELECT cause FROM governance.election ORDER BY election_id"),
    ).toEqual([1, 1, 2].map((cause) => ({ cause })));
  });

  test("while the owner is there; one who lives elsewhere and does nothing is told, may stand and wins", async () => {
    const electors = await settle(governance, [100, 100, 100]);
    const [owner, second, third] = electors as [string, string, string];
    await agreed(electors);
    database.nowMs += rules.electionMs;
    await governance.timers("close");
    await governance.run(entered(owner, { of: elsewhere, number: 1n }));
    database.nowMs = startMs + rules.inactiveMs - 1;
    await governance.run(
      ...[second, third].map((account) => worth(account, 200, { atMs: database.nowMs })),
      ...[newAccount()].flatMap((account) => [
        spawned(account),
        worth(account, 1, { atMs: database.nowMs + 1 }),
      ]),
    );
    expect(await run(call(second))).toEqual(["owner-in-term"]);
    database.nowMs += 1;
    const election = await called(governance, second);
    expect(governance.told.findLast(({ to }) => to === owner)).toMatchObject({
      what: "ElectionCalled",
    });
    expect(
      await run(
        stand(election, owner),
        vote(election, owner, owner),
        stand(election, second),
        vote(election, second, owner),
      ),
    ).toEqual(["applied", "not-elector", "applied", "applied"]);
    const [{ account_id: guest }] = (await database.rows<{ account_id: string }>(
      "SELECT account_id FROM governance.elector WHERE election_id = $1 AND weight = 1",
      [election],
    )) as [{ account_id: string }];
    await run(vote(election, third, owner), vote(election, guest, second));
    database.nowMs += rules.electionMs;
    await governance.timers("close");
    expect((await ownerships()).map(({ number, owner: of }) => [number, of])).toEqual([
      ["1", owner],
      ["2", owner],
    ]);
  });
});

describe("who stands and votes", () => {
  test("is refused with not-open, not-elector, already-standing, too-late, too-many-candidates, not-candidate", async () => {
    const electors = await settle(
      governance,
      Array.from({ length: 18 }, () => 100),
    );
    const [first, second] = electors as [string, string];
    const election = await called(governance, first);
    const nowhere = newAccount();
    const late = newAccount();
    // A brigade that comes after the call.
    await governance.run(spawned(late), worth(late, 1_000_000));
    expect(
      await run(
        stand(nowhere, first),
        vote(nowhere, first, first),
        stand(election, late),
        vote(election, first, first),
        stand(election, first),
        stand(election, first),
        vote(election, late, first),
        vote(election, first, second),
      ),
    ).toEqual([
      "not-open",
      "not-open",
      "not-elector",
      "not-candidate",
      "applied",
      "already-standing",
      "not-elector",
      "not-candidate",
    ]);
    expect(await run(...electors.slice(1, 17).map((of) => stand(election, of)))).toEqual([
      ...Array.from({ length: 15 }, () => "applied"),
      "too-many-candidates",
    ]);
    database.nowMs += rules.electionMs / 2 + 1;
    expect(await run(stand(election, electors[17]!))).toEqual(["too-late"]);
    // An id has one text, however it is written.
    expect(await run(vote(election.toUpperCase(), second, first))).toEqual(["applied"]);
    database.nowMs = startMs + rules.electionMs;
    expect(await run(vote(election, first, first), stand(election, first))).toEqual([
      "not-open",
      "not-open",
    ]);
    await governance.timers("close");
    expect(await run(vote(election, first, first))).toEqual(["not-open"]);
  });
});

test("who changes its mind a hundred times is refused with too-many-votes, and its last vote stands", async () => {
  const electors = await settle(governance, [100, 100, 100]);
  const [first, second, third] = electors as [string, string, string];
  const election = await called(governance, first);
  await run(stand(election, first), stand(election, second));
  const votes = Array.from({ length: 101 }, (_, n) =>
    vote(election, third, n % 2 === 0 ? first : second),
  );
  const outcomes = await run(...votes);
  expect(outcomes.indexOf("too-many-votes")).toBe(100);
  expect(await run(vote(election, third, second), vote(election, third, first))).toEqual([
    "applied",
    "too-many-votes",
  ]);
  expect(
    await database.rows(
      "SELECT nth FROM governance.ballot WHERE candidate = $1 ORDER BY nth DESC LIMIT 1",
      [second],
    ),
  ).toEqual([{ nth: 100 }]);
});

describe("two instances", () => {
  test("that close at once make one winner and one number", async () => {
    const electors = await settle(governance, [100, 100, 100]);
    const election = await agreed(electors);
    database.nowMs += rules.electionMs;
    const other = database.open();
    // Both have the timer in hand, which the table of timers would not allow: the election's row decides.
    await Promise.all([governance.fire("close", [election]), other.fire("close", [election])]);
    expect(await ownerships()).toMatchObject([{ number: "1", owner: electors[0] }]);
    expect(await database.sent()).toHaveLength(1);
    expect(await governance.metric("hexhold_governance_second_lines_total")).toBe(0);
    expect(await other.metric("hexhold_governance_second_lines_total")).toBe(0);
  });

  test("of which one votes while the other closes: a vote is counted, or refused", async () => {
    const electors = await settle(governance, [100, 100, 100, 100]);
    const [first, second, third, fourth] = electors as [string, string, string, string];
    const election = await called(governance, first);
    await run(
      stand(election, first),
      ...[first, second, third].map((elector) => vote(election, elector, first)),
    );
    const other = database.open();
    let closing: Promise<unknown> | undefined;
    database.nowMs += rules.electionMs - 1;
    const [voted] = await governance.runHeld(
      async () => {
        database.nowMs += 1;
        closing = other.fire("close", [election]);
        // It waits for the vote's hold on the election.
        await expect.poll(waiting).toHaveLength(1);
      },
      vote(election, fourth, first),
    );
    await closing;
    expect(said(voted)).toBe("applied");
    expect(await electionRow(election)).toMatchObject({ turnout_heads: 4, turnout_weight: "400" });
  });

  test("of which one closes while the other votes: the vote waits, and is refused", async () => {
    const electors = await settle(governance, [100, 100, 100]);
    const election = await agreed(electors);
    database.nowMs += rules.electionMs;
    const other = database.open();
    let voting: Promise<string[]> | undefined;
    await governance.fire("close", [election], async () => {
      // World time of the voter is behind.
      database.nowMs -= 1;
      voting = other.run(vote(election, electors[1]!, electors[0]!)).then((all) => all.map(said));
      await expect.poll(waiting).toHaveLength(1);
    });
    expect(await voting).toEqual(["not-open"]);
    expect(await database.rows("SELECT 1 FROM governance.ballot")).toHaveLength(3);
  });

  test("that are called at once open one election, and count ballots of one account one by one", async () => {
    const electors = await settle(governance, [100, 100, 100]);
    const other = database.open();
    const [poor] = (await settle(governance, [1])) as [string];
    // From here on there is a row to lock: before that, making it is what one waits for.
    expect(await run(call(poor))).toEqual(["too-little-reputation"]);
    let second: Promise<string[]> | undefined;
    const first = await governance.runHeld(async () => {
      second = other.run(call(electors[1]!)).then((all) => all.map(said));
      await expect.poll(waiting).toHaveLength(1);
    }, call(electors[0]!));
    expect([first.map(said), await second]).toEqual([["applied"], ["election-open"]]);
    const [{ id }] = (await database.rows<{ id: string }>(
      "SELECT election_id::text AS id FROM governance.election",
    )) as [{ id: string }];
    await run(stand(id, electors[0]!), stand(id, electors[1]!));
    const votes = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        (n % 2 === 0 ? governance : other).run(vote(id, electors[2]!, electors[n % 2]!)),
      ),
    );
    expect(new Set(votes.flat().map(said))).toEqual(new Set(["applied"]));
    const ballots = await database.rows<{ nth: number; candidate: string }>(
      "SELECT nth, candidate FROM governance.ballot ORDER BY nth",
    );
    expect(ballots.map(({ nth }) => nth)).toEqual(ballots.map((_, n) => n + 1));
    // The same vote again is none: each ballot is for another candidate than the one before.
    expect(ballots.length).toBeGreaterThanOrEqual(2);
    for (const [n, { candidate }] of ballots.entries()) {
      expect(candidate).not.toBe(ballots[n - 1]?.candidate);
    }
  });
});

test("owners of a hex are numbered from 1 without a hole, failed elections between them", async () => {
  const electors = await settle(governance, [100, 100, 100]);
  const outcomes = [true, false, true, true, false, true];
  for (const isWon of outcomes) {
    await governance.run(...electors.map((of) => worth(of, 1000, { atMs: database.nowMs })));
    if (isWon) await agreed(electors);
    else await called(governance, electors[0]!);
    database.nowMs += rules.electionMs;
    await governance.timers("close");
    database.nowMs += rules.termMs;
  }
  expect((await ownerships()).map(({ number }) => Number(number))).toEqual([1, 2, 3, 4]);
  const sent = (await database.sent()).map(({ payload }) => fromBinary(SetOwnerSchema, payload));
  // Timers of those that were overtaken are let go.
  expect(sent.map(({ number }) => Number(number))).toEqual([1, 2, 3, 4]);
});

test("a hex that says nothing is told again after 30 s, then twice as long each time, until there is a newer owner", async () => {
  const electors = await settle(governance, [100, 100, 100]);
  await agreed(electors);
  database.nowMs += rules.electionMs;
  await governance.timers("close");
  const fromMs = database.nowMs;
  const told: number[] = [];
  while (told.length < 9) {
    const [{ due_ms: dueMs }] = (await database.rows<{ due_ms: string }>(
      "SELECT (extract(epoch FROM due_at) * 1000)::bigint::text AS due_ms FROM governance.due WHERE kind = 'apply'",
    )) as [{ due_ms: string }];
    database.nowMs = Number(dueMs);
    expect(await governance.timers("apply")).toBe(1);
    told.push((database.nowMs - fromMs) / 1000);
  }
  expect(told.map((at, n) => at - (told[n - 1] ?? 0))).toEqual([
    30, 60, 120, 240, 480, 960, 1920, 3600, 3600,
  ]);
  const sent = await database.sent();
  expect(sent).toHaveLength(10);
  expect(new Set(sent.map(({ payload }) => Buffer.from(payload).toString("hex"))).size).toBe(1);
  // Commands of their own: the hex would take one with the same id for an answered one.
  expect(new Set(sent.map(({ requestId }) => uuidText(requestId))).size).toBe(10);
});

test("an owner whom no election has named rings an alarm, and changes nothing", async () => {
  await governance.run(ownerChanged(3n, newAccount()));
  expect(await ownerships()).toEqual([]);
  expect(await governance.metric("hexhold_governance_unknown_owners_total")).toBe(1);
});

test("what no worker has said is given up", async () => {
  const forged = ownerChanged(1n, newAccount());
  forged.envelope.producer!.service = "market";
  await expect(governance.run(forged)).rejects.toThrow("no worker has said this");
  const lived = spawned(newAccount());
  lived.envelope.producer!.service = "gateway";
  await expect(governance.run(lived)).rejects.toThrow("no worker has said this");
  const done = worth(newAccount(), 5);
  done.envelope.producer!.service = "market";
  await expect(governance.run(done)).rejects.toThrow("no worker has said this");
  expect(await governance.run(eventOf(spawned(newAccount()).message))).toEqual([]);
});

test("reputation of a day is what is left of it on the day of the call", async () => {
  const electors = await settle(governance, [103, 103, 103]);
  expect(await run(call(electors[0]!))).toEqual(["applied"]);
  database.nowMs += rules.electionMs;
  await governance.timers("close");
  // 103 · 0.977 = 100, and 97 a day later.
  expect(await run(call(electors[0]!))).toEqual(["cooling-down"]);
  database.nowMs += dayMs;
  expect(await run(call(electors[0]!))).toEqual(["too-little-reputation"]);
});
