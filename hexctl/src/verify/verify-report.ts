/** What `hexctl verify` says: its types, and its words. */
import type { LedgerVerdict } from "./check-ledger.ts";

/**
 * One thing that is not as it must be. `what`: `key` (a row under the wrong bucket), `journal` (a hole, or a
 * beginning that is missing), `head`, `epoch`, `event` (cannot be folded), `base`, `snapshot`, `ledger` (its key is a
 * transaction, or a player and an asset).
 */
export interface VerifyFault {
  /** Key text of the hex. */
  readonly key: string;
  readonly what: "key" | "journal" | "head" | "epoch" | "event" | "base" | "snapshot" | "ledger";
  readonly expected: string;
  readonly found: string;
}

/**
 * How the stored snapshot of a hex stands to the fold of its journal. `ahead` and `different` are faults, and
 * so is `unsound` (its hash is not that of its bytes); `unknown`: the fold did not come to its version.
 * `other-history`: saved before this database began its life, and not of its journal: nobody loads it.
 */
export type SnapshotStanding =
  | "equal"
  | "behind"
  | "missing"
  | "other-format"
  | "other-history"
  | "ahead"
  | "different"
  | "unsound"
  | "unknown";

/** What of the journal is in the ledger. */
export type LedgerStanding = Omit<LedgerVerdict, "faults">;

export interface VerifyReport {
  readonly exact: boolean;
  /** Key text, when one hex alone was looked at. */
  readonly key?: string;
  readonly hexes: number;
  readonly events: number;
  /** Hexes by how their snapshot stands. */
  readonly snapshots: Readonly<Record<SnapshotStanding, number>>;
  /** Undefined: one hex alone was looked at, or the database has no ledger. */
  readonly ledger?: LedgerStanding;
  /** Hexes that a worker could not activate; not faults by themselves. */
  readonly quarantined: number;
  /** Hexes without a fault, and with one; the ledger counts as one more. */
  readonly passed: number;
  readonly failed: number;
  /** At most {@link faultsMax} of them. */
  readonly faults: readonly VerifyFault[];
  readonly faultsTotal: number;
  readonly tookMs: number;
}

/** Faults that are kept in words; further ones are counted. A thousand say as much as a million. */
export const faultsMax = 1000;
/** Faults that are printed; the file has the others. */
const printedMax = 50;

/** Lines for people; the last one is `N passed, N failed`. */
export function verifyLines(report: VerifyReport): string[] {
  const { snapshots } = report;
  const lines = report.faults
    .slice(0, printedMax)
    .map(
      ({ key, what, expected, found }) =>
        `FAULT ${key}  ${what}: expected ${expected}, found ${found}`,
    );
  if (report.faultsTotal > lines.length) {
    lines.push(
      `… and ${report.faultsTotal - lines.length} more faults (--json has up to ${faultsMax})`,
    );
  }
  const standings = Object.entries(snapshots)
    .filter(([, count]) => count > 0)
    .map(([standing, count]) => `${count} ${standing}`);
  lines.push(
    `${counted(report.hexes, "hex", "hexes")}, ${counted(report.events, "event", "events")} folded in ${(report.tookMs / 1000).toFixed(1)} s`,
    `snapshots: ${standings.length === 0 ? "none" : standings.join(", ")}`,
  );
  if (report.ledger !== undefined) lines.push(...ledgerLines(report.ledger));
  if (report.quarantined > 0) {
    lines.push(`quarantined: ${counted(report.quarantined, "hex", "hexes")}`);
  }
  lines.push(`${report.passed} passed, ${report.failed} failed`);
  return lines;
}

/** Owed credits that are printed. */
const owedPrintedMax = 5;

function ledgerLines({ credited, owed, owedTotal, unsent }: LedgerStanding): string[] {
  const printed = owed.slice(0, owedPrintedMax);
  const lines = printed.map(
    ({ key, hexVersion, playerId, asset, amount }) =>
      `owed ${amount} ${asset} to ${playerId}, for the event of ${key} at version ${hexVersion}`,
  );
  // An event may have several postings.
  const further = owedTotal - new Set(printed.map(({ eventId }) => eventId)).size;
  if (further > 0) lines.push(`… and ${counted(further, "further event", "further events")}`);
  const where =
    owedTotal === 0
      ? ""
      : ` (${unsent} of them not sent yet; the others wait in queues, or were lost with them: hexctl resend)`;
  return [
    ...lines,
    `ledger: ${counted(credited, "event", "events")} credited, ${owedTotal} owed${where}`,
  ];
}

function counted(count: number, one: string, more: string): string {
  return `${count} ${count === 1 ? one : more}`;
}
