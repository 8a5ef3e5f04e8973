/** Contributions and residences through PostgreSQL: in any order, any number of times, through two instances. */
import { uuidv7Bytes } from "@hexhold/messaging";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { settle } from "../../test/council.ts";
import {
  dayMs,
  elsewhere,
  entered,
  eventOf,
  type GovernanceDatabase,
  hex,
  newAccount,
  openGovernanceDatabase,
  spawned,
  startMs,
  type TestGovernance,
  worth,
} from "../../test/governance-database.ts";
import { create } from "@bufbuild/protobuf";
import { RegisteredSchema } from "@hexhold/gen/hexhold/accounts/v1/events_pb";
import { PlayerArrivedSchema } from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { uuidBytes } from "@hexhold/messaging";
import { dayOf, faded, pointsAt } from "../rules/points.ts";

let database: GovernanceDatabase;
let governance: TestGovernance;

beforeAll(async () => {
  database = await openGovernanceDatabase();
});
afterAll(async () => database.close());
beforeEach(async () => {
  await database.admin.query(
    "TRUNCATE governance.resident, governance.contribution, governance.reputation, governance.account",
  );
  database.nowMs = startMs;
  governance = database.open();
});

interface PointsRow {
  readonly account_id: string;
  readonly hex: string;
  readonly points: string;
  readonly day: number;
}
const table = () =>
  database.rows<PointsRow>("SELECT * FROM governance.reputation ORDER BY account_id, hex");

/** Differences of the table from what the journal says, on a day after all of it. */
async function differences(): Promise<string[]> {
  const journal = await database.rows<PointsRow & { value: string }>(
    `SELECT account_id, hex, value::text, floor(extract(epoch FROM at) / 86400)::integer AS day FROM governance.contribution`,
  );
  return (await table()).flatMap(({ account_id: account, hex: of, points, day }) => {
    const own = journal
      .filter((row) => row.account_id === account && row.hex === of)
      .map((row) => ({ value: BigInt(row.value), day: row.day }));
    const later = day + 7;
    const rebuilt = pointsAt(own, later, 977n);
    const stored = faded(BigInt(points), day, later, 977n);
    return rebuilt === stored ? [] : [`${account} ${of}: ${stored}, not ${rebuilt}`];
  });
}

test("points are what the journal makes of them, however late and mixed contributions come, through two instances", async () => {
  const accounts = [newAccount(), newAccount(), newAccount()];
  const other = database.open();
  // A sequence that is the same each time.
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  for (let round = 0; round < 60; round++) {
    const batch = () =>
      Array.from({ length: 1 + random(6) }, () =>
        worth(accounts[random(3)]!, 1 + random(500), {
          of: [hex, elsewhere][random(2)]!,
          atMs: startMs + (round - random(12)) * (dayMs / 3),
        }),
      );
    await Promise.all([governance.run(...batch()), other.run(...batch())]);
  }
  expect(await table()).toHaveLength(6);
  expect(await differences()).toEqual([]);
});

test("an event is counted once, also when no inbox remembers it", async () => {
  const account = newAccount();
  const eventId = uuidv7Bytes();
  const once = () => worth(account, 40, { eventId });
  await governance.run(once());
  await governance.run(once(), worth(account, 2));
  expect((await table()).map(({ points }) => points)).toEqual(["42"]);
  expect(await governance.metric("hexhold_governance_contributions_total")).toBe(2);
});

test("what no journal takes is given up, and nothing of its batch is kept", async () => {
  const account = newAccount();
  const zero = worth(account, 0);
  await expect(governance.run(worth(account, 5), zero)).rejects.toThrow(
    "the standing of evt.hex.gathered is no contribution",
  );
  expect(await database.rows("SELECT 1 FROM governance.contribution")).toEqual([]);
  expect(await table()).toEqual([]);
});

test("a player lives where its newest transfer has led, in whatever order hexes say so", async () => {
  const [account] = (await settle(governance, [0])) as [string];
  const arrived = (number: bigint, of: string, atMs: number) =>
    eventOf(
      create(PlayerArrivedSchema, { playerId: uuidBytes(account), number, atMs: BigInt(atMs) }),
      of,
    );
  const lives = () =>
    database.rows(
      `SELECT hex, number, (extract(epoch FROM since) * 1000)::bigint::text AS since FROM governance.resident WHERE account_id = $1`,
      [account],
    );
  const other = database.open();
  await governance.run(arrived(2n, hex, startMs + 20));
  await other.run(arrived(1n, elsewhere, startMs + 10), spawned(account));
  expect(await lives()).toEqual([{ hex, number: "2", since: String(startMs + 20) }]);
  // A login tells of a move that is not heard of yet.
  await governance.run(entered(account, { of: elsewhere, number: 5n, atMs: startMs + 90 }));
  expect(await lives()).toEqual([{ hex: elsewhere, number: "5", since: String(startMs + 90) }]);
  await other.run(arrived(5n, elsewhere, startMs + 50), arrived(4n, hex, startMs + 40));
  expect(await lives()).toEqual([{ hex: elsewhere, number: "5", since: String(startMs + 50) }]);
  await Promise.all([
    governance.run(arrived(6n, hex, startMs + 60)),
    other.run(arrived(7n, elsewhere, startMs + 70)),
  ]);
  expect(await lives()).toEqual([{ hex: elsewhere, number: "7", since: String(startMs + 70) }]);
});

test("accounts are known by name once they are told of, again and again", async () => {
  const account = newAccount();
  const registered = () =>
    eventOf(
      create(RegisteredSchema, {
        accountId: uuidBytes(account),
        name: "Ada",
        atMs: BigInt(startMs),
      }),
    );
  await governance.run(registered());
  await governance.run(registered(), registered());
  expect(await database.rows("SELECT account_id, name FROM governance.account")).toEqual([
    { account_id: account, name: "Ada" },
  ]);
  expect(dayOf(BigInt(startMs))).toBe(Math.floor(startMs / dayMs));
});
