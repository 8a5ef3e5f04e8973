/** Holds what the services say of value against each other, all of one moment. Changes nothing; the world may run. */
import type { Game } from "@hexhold/actor";
import type { PgClient } from "@hexhold/postgres";
import { asAuditor } from "../as-auditor.ts";
import { checkLedger } from "../check-ledger.ts";
import { compareElections, elections } from "./compare-elections.ts";
import { economyGroups, type EconomyGroup } from "./questions.ts";

export interface EconomyFault {
  readonly group: string;
  readonly fault: string;
  /** An id, or what else names the row. */
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

export interface EconomyGroupReport {
  readonly name: string;
  /** Rows that were compared. */
  readonly rows: number;
  readonly violations: number;
  /** Undefined: it was looked at. */
  readonly skipped?: string;
}

export interface EconomyReport {
  /** Of PostgreSQL, ISO 8601. */
  readonly at: string;
  readonly groups: readonly EconomyGroupReport[];
  /** At most 100 of each question. */
  readonly faults: readonly EconomyFault[];
  readonly violations: number;
  readonly tookMs: number;
}

/** Faults that are kept in words; further ones are counted. */
const faultsMax = 100;

/** As the auditor. Rejects when PostgreSQL does not answer. The journal is read in a moment of its own, after the services' rows. */
export async function verifyEconomy(client: PgClient, game: Game): Promise<EconomyReport> {
  const startedMs = performance.now();
  const [services, journal] = await asAuditor(
    client,
    async () => [await compareServices(client, game), await compareJournal(client, game)] as const,
  );
  const groups = [...services.groups, ...(journal === undefined ? [] : [journal.group])];
  return {
    at: services.at,
    groups,
    faults: [...services.faults, ...(journal?.faults ?? [])],
    violations: groups.reduce((sum, { violations }) => sum + violations, 0),
    tookMs: Math.round(performance.now() - startedMs),
  };
}

/** What the game says of the journal's events against the ledger. Undefined: there is no ledger. */
async function compareJournal(
  client: PgClient,
  game: Game,
): Promise<{ readonly group: EconomyGroupReport; readonly faults: EconomyFault[] } | undefined> {
  const name = "journal and ledger";
  const verdict = await checkLedger(client, game);
  if (verdict === undefined) return undefined;
  const { credited, owedTotal, faults } = verdict;
  return {
    group: { name, rows: credited + owedTotal, violations: faults.length },
    faults: faults.slice(0, faultsMax).map(({ key, expected, found }) => ({
      group: name,
      fault: "the ledger is not what the journal's events are worth",
      what: key,
      expected,
      found,
    })),
  };
}

async function compareServices(
  client: PgClient,
  game: Game,
): Promise<Pick<EconomyReport, "at" | "groups" | "faults">> {
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  try {
    // Tables that have just grown may never have been analysed: nested loops over them would take for ever.
    await client.query("SET LOCAL enable_nestloop = off");
    const { rows: moment } = await client.query<{ at: Date }>("SELECT now() AS at");
    const faults: EconomyFault[] = [];
    const groups: EconomyGroupReport[] = [];
    for (const group of economyGroups) groups.push(await lookAt(client, group, faults));
    groups.push(await lookAtElections(client, game, faults));
    return { at: moment[0]!.at.toISOString(), groups, faults };
  } finally {
    await client.query("ROLLBACK").catch(() => undefined);
  }
}

async function lookAt(
  client: PgClient,
  group: EconomyGroup,
  faults: EconomyFault[],
): Promise<EconomyGroupReport> {
  const { name } = group;
  const missing = await missingSchema(client, group.schemas);
  if (missing !== undefined) {
    return { name, rows: 0, violations: 0, skipped: `there is no schema ${missing}` };
  }
  const { rows: counted } = await client.query<{ rows: string }>(group.counted);
  let violations = 0;
  for (const { fault, text } of group.questions) {
    const { rows } = await client.query<Omit<EconomyFault, "group" | "fault"> & { total: string }>(
      `SELECT what, expected, found, count(*) OVER () AS total FROM (${text}) AS f LIMIT ${faultsMax}`,
    );
    violations += Number(rows[0]?.total ?? 0);
    for (const { what, expected, found } of rows) {
      faults.push({ group: name, fault, what, expected, found });
    }
  }
  const more = await group.journal?.(client);
  for (const found of more?.faults.slice(0, faultsMax) ?? [])
    faults.push({ group: name, ...found });
  return {
    name,
    rows: Number(counted[0]?.rows ?? 0) + (more?.rows ?? 0),
    violations: violations + (more?.faults.length ?? 0),
  };
}

async function lookAtElections(
  client: PgClient,
  game: Game,
  faults: EconomyFault[],
): Promise<EconomyGroupReport> {
  const looked = await lookAt(client, elections, faults);
  if (looked.skipped !== undefined) return looked;
  const further = await compareElections(client, game);
  const { name: group } = looked;
  faults.push(...further.slice(0, faultsMax).map((fault) => ({ group, ...fault })));
  return { ...looked, violations: looked.violations + further.length };
}

async function missingSchema(
  client: PgClient,
  schemas: readonly string[],
): Promise<string | undefined> {
  const { rows } = await client.query<{ name: string }>(
    "SELECT n AS name FROM unnest($1::text[]) AS n WHERE to_regclass(n || '.outbox') IS NULL LIMIT 1",
    [schemas],
  );
  return rows[0]?.name;
}

/** Lines for people; the last one is `N passed, N failed`, by group. */
export function economyLines(report: EconomyReport): string[] {
  const printedMax = 50;
  const lines = report.faults
    .slice(0, printedMax)
    .map(
      ({ group, fault, what, expected, found }) =>
        `FAULT ${group}: ${fault}: ${what}: expected ${expected}, found ${found}`,
    );
  const further = report.violations - lines.length;
  if (further > 0) lines.push(`… and ${further} further violations`);
  for (const { name, rows, violations, skipped } of report.groups) {
    const said =
      skipped === undefined
        ? `${rows} rows, ${violations} violations`
        : `not looked at: ${skipped}`;
    lines.push(`${name}: ${said}`);
  }
  const failed = report.groups.filter(({ violations }) => violations > 0).length;
  const looked = report.groups.filter(({ skipped }) => skipped === undefined).length;
  lines.push(`as of ${report.at}, in ${(report.tookMs / 1000).toFixed(1)} s`);
  lines.push(`${looked - failed} passed, ${failed} failed`);
  return lines;
}
