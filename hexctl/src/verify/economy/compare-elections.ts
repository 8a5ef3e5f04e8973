/**
 * What governance has stored, held against its own journals and the hexes': elections, points, owners. In the snapshot of the
 * other questions.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { OwnerChangedSchema } from "@hexhold/gen/hexhold/ownership/v1/ownership_pb";
import type { Game } from "@hexhold/actor";
import { faded, pointsAt } from "@hexhold/governance";
import { keyText } from "@hexhold/hex";
import { uuidText } from "@hexhold/messaging";
import type { PgClient } from "@hexhold/postgres";
import { compareContributions } from "./compare-contributions.ts";
import type { EconomyGroup } from "./questions.ts";

export const elections: EconomyGroup = {
  name: "elections and owners",
  schemas: ["governance"],
  counted: `SELECT (SELECT count(*) FROM governance.contribution) + (SELECT count(*) FROM governance.reputation)
      + (SELECT count(*) FROM governance.election) + (SELECT count(*) FROM governance.elector)
      + (SELECT count(*) FROM governance.ballot) + (SELECT count(*) FROM governance.ownership) AS rows`,
  questions: [
    {
      fault: "a hex has more than one open election",
      text: `SELECT hex AS what, '1' AS expected, count(*)::text AS found FROM governance.election
        WHERE state = 1 GROUP BY hex HAVING count(*) > 1`,
    },
    {
      fault: "an election's electors are not those that it was called with",
      text: `SELECT e.election_id::text AS what, e.electors || ' of ' || e.weight AS expected,
          coalesce(v.electors, 0) || ' of ' || coalesce(v.weight, 0) AS found
        FROM governance.election AS e LEFT JOIN (
          SELECT election_id, count(*) AS electors, sum(weight) AS weight FROM governance.elector GROUP BY 1) AS v
          USING (election_id)
        WHERE e.electors <> coalesce(v.electors, 0) OR e.weight <> coalesce(v.weight, 0)`,
    },
    {
      fault: "an election's turnout is not that of its ballots",
      text: `SELECT e.election_id::text AS what, coalesce(b.heads, 0) || ' of ' || coalesce(b.weight, 0) AS expected,
          e.turnout_heads || ' of ' || e.turnout_weight AS found
        FROM governance.election AS e LEFT JOIN (
          SELECT b.election_id, count(*) AS heads, sum(v.weight) AS weight FROM governance.ballot AS b
          JOIN governance.elector AS v ON v.election_id = b.election_id AND v.account_id = b.account_id
          WHERE b.nth = 1 GROUP BY 1) AS b USING (election_id)
        WHERE e.state <> 1 AND (e.turnout_heads <> coalesce(b.heads, 0) OR e.turnout_weight <> coalesce(b.weight, 0))`,
    },
    {
      fault: "somebody has voted who is no elector, or whose ballots have a hole",
      text: `SELECT b.election_id || ' ' || b.account_id AS what, 'an elector, and ballots from 1' AS expected,
          CASE WHEN v.account_id IS NULL THEN 'no elector' ELSE count(*) || ' ballots up to ' || max(b.nth) END AS found
        FROM governance.ballot AS b LEFT JOIN governance.elector AS v
          ON v.election_id = b.election_id AND v.account_id = b.account_id
        GROUP BY b.election_id, b.account_id, v.account_id HAVING v.account_id IS NULL OR count(*) <> max(b.nth)`,
    },
    {
      fault: "a hex's owners are not numbered from 1 without a hole",
      text: `SELECT coalesce(h.hex, o.hex) AS what, 'numbers up to ' || coalesce(h.number, 0) AS expected,
          coalesce(o.count, 0) || ' owners up to ' || coalesce(o.last, 0) AS found
        FROM governance.ownership_head AS h FULL JOIN (
          SELECT hex, count(*) AS count, max(number) AS last FROM governance.ownership GROUP BY 1) AS o ON o.hex = h.hex
        WHERE coalesce(h.number, 0) <> coalesce(o.count, 0) OR coalesce(h.number, 0) <> coalesce(o.last, 0)`,
    },
    {
      fault: "an owner is not who won the election, or a winner owns nothing",
      text: `SELECT coalesce(e.election_id, o.election_id)::text AS what,
          coalesce(e.hex || ' ' || e.winner, 'no winner') AS expected,
          coalesce(o.hex || ' ' || coalesce(o.owner::text, 'nobody'), 'no owner') AS found
        FROM (SELECT * FROM governance.election WHERE state = 2) AS e
        FULL JOIN governance.ownership AS o ON o.election_id = e.election_id
        WHERE o.owner IS DISTINCT FROM e.winner OR o.hex IS DISTINCT FROM e.hex`,
    },
    {
      fault: "a contribution is in nobody's points",
      text: `SELECT DISTINCT c.account_id || ' ' || c.hex AS what, 'points' AS expected, 'none' AS found
        FROM governance.contribution AS c LEFT JOIN governance.reputation AS r
          ON r.account_id = c.account_id AND r.hex = c.hex
        WHERE r.account_id IS NULL`,
    },
  ],
};

export interface ElectionFault {
  readonly fault: string;
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

/** What takes more than a statement: points that fade, and what hexes have journalled. */
export async function compareElections(
  client: PgClient,
  game: Game,
): Promise<readonly ElectionFault[]> {
  return [
    ...(await compareContributions(client, game)).faults,
    ...(await comparePoints(client)),
    ...(await compareOwners(client)),
  ];
}

const pageSize = 5_000;
const fadeDefault = 977;

/** Each row of points against the journal of contributions, by the rule that the world began with. */
async function comparePoints(client: PgClient): Promise<ElectionFault[]> {
  const { rows: setting } = await client.query<{ fade: number }>(
    "SELECT fade_per_mille AS fade FROM governance.setting",
  );
  const fade = BigInt(setting[0]?.fade ?? fadeDefault);
  const faults: ElectionFault[] = [];
  let after = { account: "00000000-0000-0000-0000-000000000000", hex: "" };
  for (;;) {
    const { rows } = await client.query<{
      account: string;
      hex: string;
      points: string;
      day: number;
      days: number[] | null;
      values: string[] | null;
    }>(
      `SELECT r.account_id::text AS account, r.hex, r.points::text AS points, r.day, j.days, j.values
       FROM (SELECT * FROM governance.reputation WHERE (account_id, hex) > ($1::uuid, $2)
         ORDER BY account_id, hex LIMIT ${pageSize}) AS r
       LEFT JOIN LATERAL (
         SELECT array_agg(d.day) AS days, array_agg(d.value::text) AS values FROM (
           SELECT floor(extract(epoch FROM c.at) / 86400)::integer AS day, sum(c.value) AS value
           FROM governance.contribution AS c WHERE c.account_id = r.account_id AND c.hex = r.hex GROUP BY 1) AS d) AS j
         ON true
       ORDER BY r.account_id, r.hex`,
      [after.account, after.hex],
    );
    for (const { account, hex, points, day, days, values } of rows) {
      const journal = (days ?? []).map((of, n) => ({ day: of, value: BigInt(values![n]!) }));
      const last = Math.max(day, ...journal.map((worth) => worth.day));
      const expected = pointsAt(journal, last, fade);
      const found = faded(BigInt(points), day, last, fade);
      if (expected === found) continue;
      faults.push({
        fault: "points are not what the journal of contributions makes of them",
        what: `${account} ${hex}`,
        expected: String(expected),
        found: String(found),
      });
    }
    const end = rows.at(-1);
    if (end === undefined || rows.length < pageSize) return faults;
    after = end;
  }
}

interface OwnerText {
  readonly owner: string;
  readonly isApplied: boolean;
}

/** Owners that hexes have journalled against those whom elections gave them. What is on its way is no fault. */
async function compareOwners(client: PgClient): Promise<ElectionFault[]> {
  const { rows: named } = await client.query<{
    hex: string;
    number: string;
    owner: string | null;
    until_ms: string;
    election: string;
    is_applied: boolean;
  }>(
    `SELECT hex, number::text, owner::text, (extract(epoch FROM until_at) * 1000)::bigint::text AS until_ms,
       election_id::text AS election, applied_at IS NOT NULL AS is_applied FROM governance.ownership`,
  );
  const owners = new Map(
    named.map(({ hex, number, owner, until_ms: untilMs, election, is_applied: isApplied }) => [
      `${hex} ${number}`,
      { owner: `${owner ?? "nobody"} until ${untilMs} by ${election}`, isApplied },
    ]),
  ) as ReadonlyMap<string, OwnerText>;
  const { rows: journal } = await client.query<{
    hex_id: string;
    layer_id: string;
    payload: Buffer;
  }>(
    "SELECT hex_id::text, layer_id::text, payload FROM world.journal WHERE type = 'evt.hex.owner-changed'",
  );
  const faults: ElectionFault[] = [];
  const taken = new Set<string>();
  for (const { hex_id: hexId, layer_id: layerId, payload } of journal) {
    const { number, owner, untilMs, electionId } = fromBinary(OwnerChangedSchema, payload);
    const hex = keyText({ hexId: BigInt(hexId), layerId: Number(layerId) });
    const what = `${hex} ${number}`;
    taken.add(what);
    const found = `${owner.length === 0 ? "nobody" : uuidText(owner)} until ${untilMs} by ${uuidText(electionId)}`;
    const expected = owners.get(what)?.owner ?? "none";
    if (expected === found) continue;
    faults.push({ fault: "a hex has another owner than elections gave it", what, expected, found });
  }
  for (const [what, { isApplied, owner }] of owners) {
    if (!isApplied || taken.has(what)) continue;
    faults.push({
      fault: "an owner counts as taken by a hex that has not taken it",
      what,
      expected: "an event of the hex's journal",
      found: owner,
    });
  }
  return faults;
}
