/** The second line: what the functions of the schema refuse, and what the service's role may not do. */
import { inTransaction } from "@hexhold/domain";
import { uuidv7Bytes, uuidBytes } from "@hexhold/messaging";
import { withConnection } from "@hexhold/postgres";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { called, settle, stand, vote } from "../../test/council.ts";
import {
  type GovernanceDatabase,
  hex,
  newAccount,
  openGovernanceDatabase,
  startMs,
  type TestGovernance,
  testRules,
} from "../../test/governance-database.ts";
import { closeElection, openElection } from "./election-rows.ts";
import { storeContributions } from "./reputation-rows.ts";

let database: GovernanceDatabase;
let governance: TestGovernance;
let electors: string[];

beforeAll(async () => {
  database = await openGovernanceDatabase();
});
afterAll(async () => database.close());
beforeEach(async () => {
  await database.admin.query(
    `TRUNCATE governance.resident, governance.contribution, governance.reputation, governance.election, governance.elector,
      governance.candidate, governance.ballot, governance.ownership, governance.ownership_head, governance.due`,
  );
  database.nowMs = startMs;
  governance = database.open();
  electors = await settle(governance, [100, 60, 40]);
});

const election = (given: { account?: string; weight?: bigint } = {}) =>
  inTransaction(database.pool, (transaction) =>
    openElection(transaction, {
      id: uuidv7Bytes(startMs),
      hex,
      calledBy: electors[0]!,
      cause: "vacant",
      owner: undefined,
      opensMs: startMs,
      closesMs: startMs + 1000,
      electors: [{ account: given.account ?? electors[1]!, weight: given.weight ?? 60n }],
    }),
  );

describe("an election is not opened", () => {
  test("with electors who do not live there, or with more weight than points", async () => {
    await expect(election({ account: newAccount() })).rejects.toThrow("is no elector of");
    await expect(election({ weight: 61n })).rejects.toThrow("with a weight of 61");
    await election();
  });

  test("beside another one in the same hex", async () => {
    await election();
    await expect(election()).rejects.toThrow("election_open");
  });
});

describe("an election is not closed", () => {
  const close = (id: string, given: Partial<Parameters<typeof closeElection>[2]> = {}) =>
    inTransaction(database.pool, (transaction) =>
      closeElection(transaction, id, {
        nowMs: database.nowMs,
        turnoutWeight: 100n,
        turnoutHeads: 1,
        failure: "",
        winner: electors[0]!,
        untilMs: database.nowMs + 1000,
        ...given,
      }),
    );

  test("before its end, twice, with another turnout than its ballots, or for who has not stood", async () => {
    const id = await called(governance, electors[0]!);
    await governance.run(
      stand(id, electors[0]!),
      vote(id, electors[0]!, electors[0]!),
      vote(id, electors[0]!, electors[0]!),
    );
    await expect(close(id)).rejects.toThrow("is not open, or not over");
    database.nowMs += testRules().electionMs;
    await expect(close(id, { turnoutHeads: 2 })).rejects.toThrow(
      "1 of 100 have voted, not 2 of 100",
    );
    await expect(close(id, { turnoutWeight: 99n })).rejects.toThrow("not 1 of 99");
    await expect(close(id, { winner: electors[1]! })).rejects.toThrow("has not stood in");
    expect(await close(id)).toBe(1n);
    await expect(close(id)).rejects.toThrow("is not open, or not over");
  });
});

test("points are not stored that contributions do not make, nor contributions without points", async () => {
  const [account] = electors as [string];
  const given = { account, hex, eventId: uuidv7Bytes(), nth: 1, value: 5n, atMs: BigInt(startMs) };
  const day = Math.floor(startMs / 86_400_000);
  const store = (points: bigint, of = day, whose = account) =>
    inTransaction(database.pool, (transaction) =>
      storeContributions(transaction, [given], [{ account: whose, hex, points, day: of }]),
    );
  await expect(store(106n)).rejects.toThrow("are not what contributions make of them");
  await expect(store(50n, day - 1)).rejects.toThrow("are not what contributions make of them");
  await expect(store(60n, day, electors[1])).rejects.toThrow(
    "1 contributions, 0 of them in points",
  );
  await store(105n);
  await expect(store(110n)).rejects.toThrow("contribution_pkey");
});

test("the role changes no journal, no points and no election but by functions", async () => {
  const refused = (text: string) =>
    withConnection({ url: database.url, applicationName: "test" }, (client) =>
      client.query(text).then(
        () => "done",
        (error: unknown) => (error as { code?: string }).code,
      ),
    );
  const tables = [
    ["UPDATE", "contribution SET value = 1"],
    ["DELETE FROM", "contribution"],
    ["UPDATE", "ballot SET nth = 1"],
    ["DELETE FROM", "ballot"],
    ["UPDATE", "ownership SET owner = NULL"],
    ["DELETE FROM", "ownership"],
    ["UPDATE", "reputation SET points = 1"],
    ["UPDATE", "election SET state = 1"],
    ["UPDATE", "elector SET weight = 1"],
    ["DELETE FROM", "candidate"],
    ["UPDATE", "resident SET hex = ''"],
    ["UPDATE", "ownership_head SET number = 1"],
    ["UPDATE", "setting SET fade_per_mille = 1"],
    ["TRUNCATE", "ballot"],
  ] as const;
  for (const [verb, what] of tables) {
    expect([what, await refused(`${verb} governance.${what}`)]).toEqual([what, "42501"]);
  }
  const inserts = ["contribution", "reputation", "election", "elector", "ownership", "resident"];
  for (const what of inserts) {
    expect([what, await refused(`INSERT INTO governance.${what} DEFAULT VALUES`)]).toEqual([
      what,
      "42501",
    ]);
  }
  expect(await refused("SELECT 1 FROM market.book")).toBe("42501");
  expect(await refused("SELECT 1 FROM governance.ballot")).toBe("done");
});

test("points fade by the rule that a world began with", async () => {
  const { rows } = await database.pool.query<{ fade: number }>(
    "SELECT governance.keep_fade(900) AS fade UNION ALL SELECT governance.keep_fade(977)",
  );
  expect(rows.map(({ fade }) => fade)).toEqual([900, 900]);
  expect(uuidBytes(electors[0]!)).toHaveLength(16);
});
