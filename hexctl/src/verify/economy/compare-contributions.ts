/** The journal of contributions against those of the hexes: what the game says of each event, and nothing else. */
import { fromBinary } from "@bufbuild/protobuf";
import type { Game } from "@hexhold/actor";
import { standingEventsOf } from "@hexhold/governance";
import { keyText } from "@hexhold/hex";
import { uuidText } from "@hexhold/messaging";
import { type PgClient, textArray } from "@hexhold/postgres";
import type { ElectionFault } from "./compare-elections.ts";

/** An event that governance has not counted yet. */
export interface OwedContribution {
  readonly type: string;
  readonly eventId: string;
  /** Key text. */
  readonly hex: string;
  readonly since: Date;
}

export interface ContributionVerdict {
  readonly faults: readonly ElectionFault[];
  /** At most 1,000. */
  readonly owed: readonly OwedContribution[];
}

const fetchCount = 1_000;
const owedMax = 1_000;
const strangersMax = 100;

interface EventRow {
  readonly type: string;
  readonly hex_id: string;
  readonly layer_id: string;
  readonly event_id: string;
  readonly decided_at: Date;
  readonly payload: Buffer;
  /** Account, hex, value and milliseconds of each; null: there is none. */
  readonly counted: readonly string[] | null;
}

/** In a transaction of the caller's: a snapshot, so that no contribution is seen without its event. */
export async function compareContributions(
  client: PgClient,
  game: Game,
): Promise<ContributionVerdict> {
  const events = new Map(standingEventsOf(game).map((event) => [event.type, event]));
  const faults: ElectionFault[] = [];
  const owed: OwedContribution[] = [];
  for await (const row of journalled(client, [...events.keys()])) {
    const { type, event_id: eventId, counted } = row;
    const hex = keyText({ hexId: BigInt(row.hex_id), layerId: Number(row.layer_id) });
    const { schema, contributionsOf } = events.get(type)!;
    let expected: string[];
    try {
      expected = contributionsOf(fromBinary(schema, row.payload)).map(
        ({ accountId, value, atMs }) => `${uuidText(accountId)} ${hex} ${value} ${atMs}`,
      );
    } catch (error) {
      const found = (error as Error).message;
      const fault = "the game says nothing usable of an event that is for governance";
      faults.push({ fault, what: eventId, expected: "contributions", found });
      continue;
    }
    if (counted === null) {
      if (expected.length > 0 && owed.length < owedMax) {
        owed.push({ type, eventId, hex, since: row.decided_at });
      }
    } else if (counted.join() !== expected.join()) {
      faults.push({
        fault: "a contribution is not what the game says of its event",
        what: eventId,
        expected: expected.join(", ") || "none",
        found: counted.join(", "),
      });
    }
  }
  return { faults: [...faults, ...(await strangers(client))], owed };
}

async function* journalled(
  client: PgClient,
  types: readonly string[],
): AsyncGenerator<EventRow, void, undefined> {
  if (types.length === 0) return;
  await client.query(
    `DECLARE contributed NO SCROLL CURSOR FOR
     SELECT j.type, j.hex_id::text, j.layer_id::text, j.event_id::text, j.decided_at, j.payload,
       (SELECT array_agg(c.account_id || ' ' || c.hex || ' ' || c.value || ' ' || (extract(epoch FROM c.at) * 1000)::bigint
          ORDER BY c.nth) FROM governance.contribution AS c WHERE c.event_id = j.event_id) AS counted
     FROM world.journal AS j WHERE j.type = ANY ($1::text[])`,
    [textArray(types)],
  );
  for (;;) {
    const { rows } = await client.query<EventRow>(`FETCH ${fetchCount} FROM contributed`);
    yield* rows;
    if (rows.length < fetchCount) break;
  }
  await client.query("CLOSE contributed");
}

/** Contributions by what no hex has journalled. */
async function strangers(client: PgClient): Promise<ElectionFault[]> {
  const { rows } = await client.query<{ id: string; found: string }>(
    `SELECT c.event_id::text AS id, c.value || ' of ' || c.account_id AS found FROM governance.contribution AS c
     LEFT JOIN world.journal AS j ON j.event_id = c.event_id WHERE j.event_id IS NULL LIMIT ${strangersMax}`,
  );
  return rows.map(({ id, found }) => ({
    fault: "a contribution is of no event of a hex",
    what: id,
    expected: "an event of the journal",
    found,
  }));
}
