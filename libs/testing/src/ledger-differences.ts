/** The ledger held against the journal: per account and item, what an account has is what the journal says came and went. */
import { fromBinary, type Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import {
  ContributedSchema,
  GatheredSchema,
  SiteStartedSchema,
} from "@hexhold/gen/hexhold/reference/v1/events_pb";
import {
  GoodsReturnedSchema,
  TakeAskedSchema,
  TakeEnd,
  TakeEndedSchema,
} from "@hexhold/gen/hexhold/takes/v1/takes_pb";
import { createGame } from "@hexhold/reference-game";
import { withPostgres } from "./with-postgres.ts";

export interface LedgerDifferences {
  /** Accounts and items of which something came or went. */
  readonly items: number;
  /** `<account> <item>` where journal, postings and balance do not say the same. */
  readonly differing: readonly string[];
}

/** What the ledger has of an account and item, as PostgreSQL writes numbers. */
export interface LedgerRow {
  /** `<account> <item>` */
  readonly item: string;
  readonly balance: string;
  /** Sum of the postings. */
  readonly posted: string;
}

/** An event of the journal. */
export interface JournalRow {
  readonly type: string;
  readonly payload: Uint8Array;
}

/** Events by which the reference game credits accounts. */
const credits: Readonly<Record<string, GenMessage<Message>>> = {
  "evt.hex.gathered": GatheredSchema,
  "evt.hex.contributed": ContributedSchema,
  "evt.hex.site-started": SiteStartedSchema,
};
const takes = ["evt.hex.take-asked", "evt.hex.take-ended", "evt.hex.goods-returned"];
const game = createGame({});

/**
 * Sums what the journal says that accounts were credited with, gave and got back, and compares with balances and postings
 * of the ledger. Of a world at rest in which nobody trades there is no difference; while messages are on their way there
 * is. Reads the whole journal into memory: some hundred thousand events at most. `postgresUrl` is of a role that sees both
 * schemas, payloads included.
 */
export async function ledgerDifferences(postgresUrl: string): Promise<LedgerDifferences> {
  return withPostgres(postgresUrl, async (database) => {
    const { rows: events } = await database.query<JournalRow>(
      `SELECT type, payload FROM world.journal WHERE type = ANY ($1)
       ORDER BY bucket, hex_id, layer_id, hex_version`,
      [[...Object.keys(credits), ...takes]],
    );
    const { rows } = await database.query<LedgerRow>(
      `SELECT owner || ' ' || asset AS item, b.amount AS balance, sum(p.amount) AS posted
       FROM inventory.ledger_account JOIN inventory.balance AS b USING (ledger_account_id)
       JOIN inventory.posting AS p USING (ledger_account_id)
       WHERE kind = 'player' GROUP BY owner, asset, b.amount`,
    );
    return compareLedger(events, rows);
  });
}

/** The comparison alone. Pure. */
export function compareLedger(
  events: readonly JournalRow[],
  rows: readonly LedgerRow[],
): LedgerDifferences {
  const sums = journalSums(events);
  const ledger = new Map(rows.map((row) => [row.item, row]));
  const differing = [...new Set([...sums.keys(), ...ledger.keys()])].filter((item) => {
    const expected = String(sums.get(item) ?? 0n);
    const { balance = "0", posted = "0" } = ledger.get(item) ?? {};
    return balance !== expected || posted !== expected;
  });
  return { items: sums.size, differing };
}

/** By `<account> <item>`. */
function journalSums(events: readonly JournalRow[]): ReadonlyMap<string, bigint> {
  const sums = new Map<string, bigint>();
  const add = (accountId: Uint8Array, asset: string, amount: bigint): void => {
    const item = `${uuidText(accountId)} ${asset}`;
    sums.set(item, (sums.get(item) ?? 0n) + amount);
  };
  const asked = new Map<string, { accountId: Uint8Array; asset: string; amount: bigint }>();
  for (const { type, payload } of events) {
    const credit = credits[type];
    if (credit !== undefined) {
      for (const { holder, asset, amount } of game.ledger!(fromBinary(credit, payload))!.postings) {
        if (holder.kind === "player") add(holder.accountId, asset, amount);
      }
    } else if (type === "evt.hex.take-asked") {
      const take = fromBinary(TakeAskedSchema, payload);
      asked.set(uuidText(take.takeId), take);
    } else if (type === "evt.hex.take-ended") {
      const { takeId, end, giveId } = fromBinary(TakeEndedSchema, payload);
      const take = asked.get(uuidText(takeId));
      // What was taken and is owed back has come back.
      if (end !== TakeEnd.TAKEN || giveId.length > 0 || take === undefined) continue;
      add(take.accountId, take.asset, -take.amount);
    } else {
      for (const { accountId, asset, amount } of fromBinary(GoodsReturnedSchema, payload).gifts) {
        add(accountId, asset, amount);
      }
    }
  }
  return sums;
}

/** Not that of libs/messaging, whose own tests use this package. */
function uuidText(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
