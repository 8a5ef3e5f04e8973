/**
 * Holds what hexes have asked for, counted and owe back against what the inventory has taken and given, in the snapshot of
 * the caller: per site and contributor, what was taken is what was counted, what the hex has not heard of yet, what was
 * given back, and what is owed.
 */
import type { PgClient } from "@hexhold/postgres";
import type { FoundFault } from "./questions.ts";
import { type JournalledTakes, readJournalledTakes } from "./journalled-takes.ts";

/** Records of takes are deleted after 30 days: of younger ones it is asked both ways. */
const recordedMs = 29 * 86_400_000;

interface TakeRow {
  readonly id: string;
  readonly account: string;
  readonly asset: string;
  readonly amount: string;
  readonly state: "taken" | "refused";
  readonly site: string | null;
}

interface Sums {
  taken: bigint;
  given: bigint;
  counted: bigint;
  underWay: bigint;
  owed: bigint;
  back: bigint;
}

/** Rows that were compared, and what is wrong with them. */
export async function checkTakes(
  client: PgClient,
): Promise<{ readonly rows: number; readonly faults: readonly FoundFault[] }> {
  const journal = await readJournalledTakes(client);
  const { rows: records } = await client.query<TakeRow>(
    `SELECT take_id AS id, account, asset, amount::text AS amount, state, site_id AS site FROM inventory.take`,
  );
  const { rows: given } = await client.query<Omit<TakeRow, "state" | "site">>(
    `SELECT t.transaction_id AS id, a.owner AS account, a.asset, sum(p.amount)::text AS amount
     FROM inventory.transaction AS t JOIN inventory.posting AS p USING (transaction_id)
     JOIN inventory.ledger_account AS a USING (ledger_account_id)
     WHERE t.kind = 'give' AND a.kind = 'player' GROUP BY 1, 2, 3`,
  );
  const { rows: sites } = await client.query<{
    site: string;
    account: string;
    asset: string;
    taken: string;
    given: string;
  }>(
    "SELECT site_id AS site, account, asset, taken::text AS taken, given::text AS given FROM inventory.site_taken",
  );
  const { rows: moment } = await client.query<{ at: Date }>("SELECT now() AS at");
  const taken = new Map(records.map((record) => [record.id, record]));
  const gifts = new Map(given.map((gift) => [gift.id, gift]));
  const faults = [
    ...journal.twice.map((what) => ({
      fault: "a take is asked for or ended twice, or ends without a beginning",
      what,
      expected: "once",
      found: "in the journal again",
    })),
    ...journal.ignored.map((what) => ({
      fault: "goods were taken, and the hex has neither counted them nor owes them back",
      what,
      expected: "an event of the same commit, or a gift",
      found: "neither",
    })),
    ...takeFaults(journal, taken, moment[0]!.at.getTime() - recordedMs),
    ...giftFaults(journal, gifts),
    ...siteFaults(sumsOf(journal, taken, gifts, sites)),
  ];
  return { rows: journal.asked.size + journal.gifts.size + sites.length, faults };
}

function takeFaults(
  { asked, ended }: JournalledTakes,
  taken: ReadonlyMap<string, TakeRow>,
  fromMs: number,
): FoundFault[] {
  const faults: FoundFault[] = [];
  for (const { id: what, account, asset, amount, state, site } of taken.values()) {
    const take = asked.get(what);
    const found = `${account} ${amount} ${asset} (${state})`;
    if (take === undefined) {
      const fault = "goods were taken that no hex has asked for";
      faults.push({ fault, what, expected: "a take of the journal", found });
    } else if (
      state === "taken" &&
      (take.account !== account ||
        take.asset !== asset ||
        String(take.amount) !== amount ||
        (take.site ?? null) !== site)
    ) {
      const fault = "a take is not what the hex has asked for";
      faults.push({
        fault,
        what,
        expected: `${take.account} ${take.amount} ${take.asset}`,
        found,
      });
    }
  }
  for (const [what, wasTaken] of ended) {
    const found = taken.get(what)?.state ?? "no record";
    if (found === "no record" && (asked.get(what)?.since.getTime() ?? 0) < fromMs) continue;
    const expected = wasTaken ? "taken" : "refused";
    if (found === expected) continue;
    faults.push({
      fault: "a take has another end in the hex than in the inventory",
      what,
      expected,
      found,
    });
  }
  return faults;
}

function giftFaults(
  { gifts: owed }: JournalledTakes,
  given: ReadonlyMap<string, Omit<TakeRow, "state" | "site">>,
): FoundFault[] {
  return [...given.values()].flatMap(({ id: what, account, asset, amount }) => {
    const gift = owed.get(what);
    const expected =
      gift === undefined ? "nothing" : `${gift.account} ${gift.amount} ${gift.asset}`;
    const found = `${account} ${amount} ${asset}`;
    return expected === found
      ? []
      : [{ fault: "what was given back is not what a hex owes", what, expected, found }];
  });
}

/** By site, account and asset. */
function sumsOf(
  { asked, ended, gifts: owed }: JournalledTakes,
  taken: ReadonlyMap<string, TakeRow>,
  given: ReadonlyMap<string, unknown>,
  sites: readonly { site: string; account: string; asset: string; taken: string; given: string }[],
): ReadonlyMap<string, Sums> {
  const sums = new Map<string, Sums>();
  const of = (row: { site: string; account: string; asset: string }): Sums => {
    const name = `${row.site} ${row.account} ${row.asset}`;
    let found = sums.get(name);
    if (found === undefined) {
      found = { taken: 0n, given: 0n, counted: 0n, underWay: 0n, owed: 0n, back: 0n };
      sums.set(name, found);
    }
    return found;
  };
  for (const row of sites) {
    of(row).taken += BigInt(row.taken);
    of(row).given += BigInt(row.given);
  }
  for (const [id, { site, amount, ...whose }] of asked) {
    if (site === undefined) continue;
    const wasTaken = ended.get(id);
    if (wasTaken === true) of({ site, ...whose }).counted += amount;
    else if (wasTaken === undefined && taken.get(id)?.state === "taken") {
      of({ site, ...whose }).underWay += amount;
    }
  }
  for (const [id, gift] of owed) {
    const sum = of(gift);
    sum.counted -= gift.amount;
    if (given.has(id)) sum.back += gift.amount;
    else sum.owed += gift.amount;
  }
  return sums;
}

function siteFaults(sums: ReadonlyMap<string, Sums>): FoundFault[] {
  return [...sums].flatMap(([what, { taken, given, counted, underWay, owed, back }]) => {
    const all = counted + underWay + back + owed;
    if (taken === all && given === back && counted >= 0n) return [];
    return [
      {
        fault:
          "what was taken for a site is not what was counted, is on its way, was given back or is owed",
        what,
        expected: `${counted} counted, ${underWay} on its way, ${back} given, ${owed} owed`,
        found: `${taken} taken, ${given} given`,
      },
    ];
  });
}
