/** What players read: no running count while an election is open, pages without holes, nobody else's ballots. */
import { create, type Message } from "@bufbuild/protobuf";
import {
  Cause,
  type Contributions,
  type Elections,
  ElectionState,
  type ElectionView,
  GetContributionsSchema,
  GetElectionSchema,
  GetOwnershipSchema,
  GetReputationSchema,
  ListElectionsSchema,
  type Ownerships,
  type Reputation,
} from "@hexhold/gen/hexhold/governance/v1/commands_pb";
import { RegisteredSchema } from "@hexhold/gen/hexhold/accounts/v1/events_pb";
import { uuidBytes, uuidText } from "@hexhold/messaging";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { called, resultOf, settle, stand, vote } from "../../test/council.ts";
import {
  commandOf,
  dayMs,
  elsewhere,
  eventOf,
  type GovernanceDatabase,
  hex,
  newAccount,
  openGovernanceDatabase,
  ownerChanged,
  said,
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
      governance.account`,
  );
  database.nowMs = startMs;
  governance = database.open();
});

async function ask<T extends Message>(message: Message, account = newAccount()): Promise<T> {
  const [outcome] = await governance.run(commandOf(message, account));
  return resultOf(outcome) as T;
}
const election = (id: string, account?: string) =>
  ask<ElectionView>(create(GetElectionSchema, { election: id }), account);

test("an election shows who has voted and not how, until it is over", async () => {
  const [first, second, third] = (await settle(governance, [100, 40, 70])) as [
    string,
    string,
    string,
  ];
  await governance.run(
    eventOf(create(RegisteredSchema, { accountId: uuidBytes(second), name: "Ada", atMs: 1n })),
  );
  const id = await called(governance, first);
  await governance.run(stand(id, second, "roads"), stand(id, third));
  await governance.run(vote(id, first, second), vote(id, third, third), vote(id, first, third));
  const open = await election(id, first);
  expect(open).toMatchObject({
    election: {
      election: id,
      hex,
      cause: Cause.VACANT,
      state: ElectionState.OPEN,
      opensMs: BigInt(startMs),
      closesMs: BigInt(startMs + rules.electionMs),
      electors: 3,
      weight: 210n,
      turnoutWeight: 170n,
      turnoutHeads: 2,
    },
    ownWeight: 100n,
  });
  expect(uuidText(open.ownVote)).toBe(third);
  const shown = ({ candidates }: ElectionView) =>
    new Map(
      candidates.map(({ accountId, name, words, weight }) => [
        uuidText(accountId),
        [name, words, weight],
      ]),
    );
  expect(shown(open)).toEqual(
    new Map([
      [second, ["Ada", "roads", 0n]],
      [third, ["", "", 0n]],
    ]),
  );
  const stranger = await election(id);
  expect([stranger.ownWeight, stranger.ownVote.length]).toEqual([0n, 0]);
  expect((await election(id, second)).ownVote).toHaveLength(0);
  await governance.run(vote(id, second, second));
  database.nowMs += rules.electionMs;
  await governance.timers("close");
  const over = await election(id, first);
  expect(over.election).toMatchObject({ state: ElectionState.WON, turnoutHeads: 3 });
  expect(shown(over)).toEqual(
    new Map([
      [second, ["Ada", "roads", 40n]],
      [third, ["", "", 170n]],
    ]),
  );
  const [outcome] = await governance.run(
    commandOf(create(GetElectionSchema, { election: newAccount() }), first),
  );
  expect(said(outcome)).toBe("unknown-election");
});

test("elections and owners of a hex are pages, the newest first", async () => {
  const electors = await settle(governance, [200, 200, 200]);
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) {
    await governance.run(...electors.map((of) => worth(of, 500, { atMs: database.nowMs })));
    const id = await called(governance, electors[0]!);
    ids.unshift(id);
    await governance.run(
      stand(id, electors[n % 3]!),
      ...electors.map((of) => vote(id, of, electors[n % 3]!)),
    );
    database.nowMs += rules.electionMs;
    await governance.timers("close");
    database.nowMs += rules.termMs;
  }
  await governance.run(ownerChanged(5n, electors[1]!, { atMs: database.nowMs }));
  const list = (limit: number, before = "") =>
    ask<Elections>(create(ListElectionsSchema, { hex, limit, before }));
  const first = await list(2);
  const second = await list(2, first.nextBefore);
  const third = await list(2, second.nextBefore);
  expect(
    [first, second, third].flatMap(({ elections }) => elections.map(({ election: id }) => id)),
  ).toEqual(ids);
  expect(third.nextBefore).toBe("");
  expect(await list(5)).toMatchObject({ nextBefore: "" });
  expect(await ask(create(ListElectionsSchema, { hex: elsewhere }))).toMatchObject({
    elections: [],
  });
  const owners = (limit: number, before = 0n) =>
    ask<Ownerships>(create(GetOwnershipSchema, { hex, limit, before }));
  const newest = await owners(3);
  expect(newest.ownerships.map(({ number }) => Number(number))).toEqual([5, 4, 3]);
  expect(newest.ownerships[0]).toMatchObject({
    election: ids[0],
    cause: Cause.TERM_OVER,
    appliedMs: BigInt(database.nowMs),
  });
  expect(newest.ownerships[1]?.appliedMs).toBe(0n);
  const rest = await owners(3, newest.nextBefore);
  expect([rest.ownerships.map(({ number }) => Number(number)), rest.nextBefore]).toEqual([
    [2, 1],
    0n,
  ]);
  expect(uuidText(rest.ownerships[1]!.owner)).toBe(electors[0]);
});

test("reputation is that of today, the most first, and anybody's to see; contributions are one's own", async () => {
  const account = newAccount();
  const hexes = [hex, elsewhere, "861f1d4a7ffffff", "861f1d4f7ffffff"];
  await governance.run(
    ...hexes.map((of, n) => worth(account, 100 * (n + 1), { of })),
    worth(account, 1, { atMs: startMs }),
  );
  database.nowMs += dayMs;
  const read = (fields: { hex?: string; limit?: number; offset?: number }, by = account) =>
    ask<Reputation>(
      create(GetReputationSchema, {
        ...fields,
        ...(by === account ? {} : { accountId: uuidBytes(account) }),
      }),
      by,
    );
  const all = await read({});
  expect(all.hexes.map(({ points }) => Number(points))).toEqual([390, 293, 195, 98]);
  expect(all.worldPoints).toBe(976n);
  expect(await read({}, newAccount())).toEqual(all);
  const page = await read({ limit: 3 });
  expect(page.nextOffset).toBe(3);
  const last = await read({ limit: 3, offset: page.nextOffset });
  expect([...page.hexes, ...last.hexes]).toEqual(all.hexes);
  expect(last.nextOffset).toBe(0);
  expect(await read({ hex: elsewhere })).toMatchObject({
    hexes: [{ points: 195n }],
    worldPoints: 976n,
  });
  const contributions = (before = 0n, by = account) =>
    ask<Contributions>(create(GetContributionsSchema, { limit: 2, before }), by);
  const values: number[] = [];
  for (let before = 0n, pages = 0; pages === 0 || before !== 0n; pages++) {
    const { contributions: given, nextBefore } = await contributions(before);
    values.push(...given.map(({ value }) => Number(value)));
    before = nextBefore;
  }
  expect(values).toEqual([1, 400, 300, 200, 100]);
  expect((await contributions(0n, newAccount())).contributions).toEqual([]);
});
