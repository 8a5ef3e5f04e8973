import type { PgClient } from "@hexhold/postgres";
import { afterAll, beforeAll, expect, it } from "vitest";
import { councilLines, readCouncil } from "../../look/council-report.ts";
import { readSagas } from "../../look/saga-report.ts";
import { game, openStoredCouncil, type StoredCouncil } from "./stored-council.testing.ts";
import { verifyEconomy } from "./verify-economy.ts";

let council: StoredCouncil;

beforeAll(async () => {
  council = await openStoredCouncil();
});
afterAll(async () => council.close());

it("elections, points and owners of which one is on its way are sound", async () => {
  const report = await verifyEconomy(council.client, game);
  expect(report.faults).toEqual([]);
  expect(report.groups.find(({ name }) => name === "elections and owners")).toMatchObject({
    rows: 32,
    violations: 0,
  });
});

/** What is wrong, by what was done to a world in which nothing was. */
const planted: readonly (readonly [what: string, sql: () => string, faults: readonly string[]])[] =
  [
    [
      "points are changed",
      () => `UPDATE governance.reputation SET points = points + 1 WHERE hex = '${council.hex}'`,
      ["points are not what the journal of contributions makes of them"],
    ],
    [
      "points have faded by another rule",
      () => "UPDATE governance.reputation SET points = 99, day = day + 1",
      ["points are not what the journal of contributions makes of them"],
    ],
    [
      "a contribution is lost",
      () =>
        `DELETE FROM governance.contribution WHERE account_id = '${council.accounts[0]}' AND hex = '${council.hex}'`,
      ["points are not what the journal of contributions makes of them"],
    ],
    [
      "a contribution is worth more than the game says",
      () => `UPDATE governance.contribution SET value = 101 WHERE account_id = '${council.accounts[0]}';
        UPDATE governance.reputation SET points = 101 WHERE account_id = '${council.accounts[0]}'`,
      ["a contribution is not what the game says of its event"],
    ],
    [
      "a contribution is of nothing that has happened",
      () => `UPDATE governance.contribution SET event_id = gen_random_uuid()`,
      ["a contribution is of no event of a hex"],
    ],
    [
      "points are lost",
      () => `DELETE FROM governance.reputation WHERE account_id = '${council.accounts[0]}'`,
      ["a contribution is in nobody's points"],
    ],
    [
      "a hex has two open elections",
      () => `DROP INDEX governance.election_open;
        UPDATE governance.election SET hex = '${council.elsewhere}', state = 1, winner = NULL, decided_at = NULL
        WHERE election_id = '${council.elections[1]}';
        DELETE FROM governance.ownership WHERE number = 2; UPDATE governance.ownership_head SET number = 1 WHERE number = 2`,
      ["a hex has more than one open election"],
    ],
    [
      "an elector comes after the call",
      () =>
        `INSERT INTO governance.elector VALUES ('${council.elections[2]}', gen_random_uuid(), 1000)`,
      ["an election's electors are not those that it was called with"],
    ],
    [
      "a vote comes after the close",
      () =>
        `INSERT INTO governance.ballot VALUES (gen_random_uuid(), '${council.elections[0]}', '${council.accounts[2]}', '${council.accounts[2]}', 1, now())`,
      ["an election's turnout is not that of its ballots"],
    ],
    [
      "somebody votes who may not",
      () =>
        `INSERT INTO governance.ballot VALUES (gen_random_uuid(), '${council.elections[2]}', gen_random_uuid(), '${council.accounts[2]}', 1, now())`,
      ["somebody has voted who is no elector, or whose ballots have a hole"],
    ],
    [
      "a number has a hole",
      () => `UPDATE governance.ownership SET number = 3 WHERE number = 2;
        UPDATE governance.ownership_head SET number = 3 WHERE number = 2`,
      ["a hex's owners are not numbered from 1 without a hole"],
    ],
    [
      "a winner is another one than the owner",
      () =>
        `UPDATE governance.election SET winner = called_by WHERE election_id = '${council.elections[1]}'`,
      ["an owner is not who won the election, or a winner owns nothing"],
    ],
    [
      "a hex has an owner whom nobody has elected",
      () => "DELETE FROM governance.ownership WHERE number = 1",
      [
        "a hex has another owner than elections gave it",
        "a hex's owners are not numbered from 1 without a hole",
        "an owner is not who won the election, or a winner owns nothing",
      ],
    ],
    [
      "a term is made longer",
      () =>
        "UPDATE governance.ownership SET until_at = until_at + interval '1 day' WHERE number = 1",
      ["a hex has another owner than elections gave it"],
    ],
    [
      "an owner counts as taken whom the hex does not have",
      () => "UPDATE governance.ownership SET applied_at = now() WHERE number = 2",
      ["an owner counts as taken by a hex that has not taken it"],
    ],
  ];

it.each(planted)("finds that %s", async (_what, sql, faults) => {
  await council.client.query("BEGIN");
  await council.client.query(sql());
  const looked = { query: inside(council.client) } as unknown as PgClient;
  const report = await verifyEconomy(looked, game);
  await council.client.query("ROLLBACK");
  expect([...new Set(report.faults.map(({ fault }) => fault))].toSorted()).toEqual(
    [...faults].toSorted(),
  );
  expect(new Set(report.faults.map(({ group }) => group))).toEqual(
    new Set(["elections and owners"]),
  );
});

/** Looks from within an open transaction, so that what was planted is gone with it. */
function inside(of: PgClient): PgClient["query"] {
  const query = (text: string, values?: unknown[]) =>
    /^(BEGIN|ROLLBACK)/.test(text) ? Promise.resolve({ rows: [] }) : of.query(text, values);
  return query as unknown as PgClient["query"];
}

it("hexctl saga lists what is not counted yet, and the owner whom a hex has not taken, while there is no newer one", async () => {
  const { steps } = await readSagas(council.client, game, 0);
  expect(steps.filter(({ step }) => step === "evt.hex.done")).toMatchObject([
    { kind: "owed", id: council.owed, of: `hex ${council.hex}` },
  ]);
  expect(steps.filter(({ step }) => step === "set-owner")).toMatchObject([
    {
      kind: "owed",
      step: "set-owner",
      id: council.elections[1],
      of: `hex ${council.hex}, number 2, owner ${council.accounts[1]}`,
    },
  ]);
});

it("hexctl council shows owners and open elections; of one hex those before them, and who lives there", async () => {
  const all = await readCouncil(council.client, undefined);
  expect(all.owners).toMatchObject([
    { hex: council.hex, number: "2", owner: council.accounts[1], isInTerm: false, appliedAt: null },
  ]);
  expect(all.elections).toMatchObject([
    {
      hex: council.elsewhere,
      state: "open",
      electors: 3,
      weight: "270",
      turnoutHeads: 2,
      turnoutWeight: "180",
      candidates: 1,
    },
  ]);
  expect(councilLines(all).join("\n")).toContain("NOT TAKEN by the hex yet");
  const one = await readCouncil(council.client, council.hex);
  expect(one.owners.map(({ number }) => number)).toEqual(["2", "1"]);
  expect(one.elections.map(({ state, cause }) => `${state} ${cause}`)).toEqual([
    "won vacant",
    "won vacant",
  ]);
  const there = await readCouncil(council.client, council.elsewhere);
  expect(there.residents).toMatchObject([{ points: "100" }, { points: "100" }, { points: "100" }]);
  expect(councilLines(there)[0]).toBe("no owners");
});
