/** Statements on accounts and their bans. */
import type { Key } from "@hexhold/hex";
import type { RunStatement, Store } from "./database.ts";

export interface AccountRow {
  /** UUID text. */
  readonly accountId: string;
  readonly name: string;
  readonly passwordHash: string;
  /** Undefined: not banned; `Infinity`: for ever. */
  readonly bannedUntilMs: number | undefined;
  readonly banReason: string;
  readonly residence: Key | undefined;
}

interface RawAccount {
  account_id: string;
  name: string;
  password_hash: string;
  banned_until_ms: number | null;
  ban_reason: string;
  hex_id: string | null;
  layer_id: string | null;
}

/** What a player owes the world from its birth: see {@link SpawnDuty}. */
export interface NewAccount {
  readonly accountId: string;
  readonly name: string;
  readonly passwordHash: string;
  readonly spawnRequestId: string;
  readonly spawnKey: Key;
}

/** False when the name is taken. The duty to bring its player into the world is stored with it. */
export async function insertAccount({ run }: Store, account: NewAccount): Promise<boolean> {
  const { accountId, name, passwordHash, spawnRequestId, spawnKey } = account;
  const made = await run(
    "insert_account",
    `WITH made AS (
       INSERT INTO accounts.account (account_id, name, password_hash) VALUES ($1, $2, $3)
       ON CONFLICT (lower(name)) DO NOTHING RETURNING account_id
     )
     INSERT INTO accounts.spawn_duty (account_id, request_id, hex_id, layer_id, next_at)
     SELECT account_id, $4::uuid, $5::bigint, $6::bigint, :now FROM made RETURNING account_id`,
    [accountId, name, passwordHash, spawnRequestId, spawnKey.hexId, spawnKey.layerId],
  );
  return made.length > 0;
}

const accountColumns = `account_id, name, password_hash, ban_reason, hex_id, layer_id,
  (extract(epoch FROM banned_until) * 1000)::float8 AS banned_until_ms`;

/** By its name, whatever the case. */
export async function findAccount({ run }: Store, name: string): Promise<AccountRow | undefined> {
  const [row] = await run<RawAccount>(
    "find_account",
    `SELECT ${accountColumns} FROM accounts.account WHERE lower(name) = lower($1)`,
    [name],
  );
  return row === undefined ? undefined : accountOf(row);
}

/** Names of those of the accounts that there are, in no order. */
export async function namesOf(
  { run }: Store,
  accountIds: readonly string[],
): Promise<readonly { readonly accountId: string; readonly name: string }[]> {
  const rows = await run<Pick<RawAccount, "account_id" | "name">>(
    "names_of",
    "SELECT account_id, name FROM accounts.account WHERE account_id = ANY($1::uuid[])",
    [accountIds],
  );
  return rows.map(({ account_id: accountId, name }) => ({ accountId, name }));
}

/** Undefined while the player is not in the world yet. */
export async function findResidence({ run }: Store, accountId: string): Promise<Key | undefined> {
  const [row] = await run<Pick<RawAccount, "hex_id" | "layer_id">>(
    "find_residence",
    "SELECT hex_id, layer_id FROM accounts.account WHERE account_id = $1",
    [accountId],
  );
  return row === undefined ? undefined : keyOf(row);
}

/** The player lives in another hex since its transfer `number`; an older one changes nothing. */
export async function moveResidence(
  { run }: Store,
  accountId: string,
  key: Key,
  number: bigint,
): Promise<void> {
  await run(
    "move_residence",
    `UPDATE accounts.account SET hex_id = $2, layer_id = $3, transfers = $4
     WHERE account_id = $1 AND transfers < $4`,
    [accountId, key.hexId, key.layerId, number],
  );
}

export async function replacePasswordHash(
  { run }: Store,
  accountId: string,
  passwordHash: string,
): Promise<void> {
  await run(
    "replace_password_hash",
    "UPDATE accounts.account SET password_hash = $2 WHERE account_id = $1",
    [accountId, passwordHash],
  );
}

/** Whom a ban is about: one of the two. */
export type BannedAccount = { readonly accountId: string } | { readonly name: string };

export interface BanRow {
  readonly accountId: string;
  readonly name: string;
  /** Undefined: lifted; `Infinity`: for ever. */
  readonly bannedUntilMs: number | undefined;
  readonly changedMs: number;
}

const banColumns = `account_id, name,
  (extract(epoch FROM banned_until) * 1000)::float8 AS banned_until_ms,
  (extract(epoch FROM ban_changed_at) * 1000)::float8 AS changed_ms`;

interface RawBan {
  account_id: string;
  name: string;
  banned_until_ms: number | null;
  changed_ms: number;
}

/** `untilMs` undefined lifts the ban, `Infinity` is for ever. Undefined when there is no such account. */
export async function setBan(
  { run }: Store,
  who: BannedAccount,
  untilMs: number | undefined,
  reason: string,
): Promise<BanRow | undefined> {
  const byId = "accountId" in who;
  const [row] = await run<RawBan>(
    byId ? "ban_by_id" : "ban_by_name",
    `UPDATE accounts.account SET banned_until = CASE WHEN $2::float8 = 'infinity' THEN 'infinity'::timestamptz
         ELSE to_timestamp($2::float8 / 1000) END, ban_reason = $3, ban_changed_at = :now
     WHERE ${byId ? "account_id = $1::uuid" : "lower(name) = lower($1)"} RETURNING ${banColumns}`,
    [byId ? who.accountId : who.name, untilMs ?? null, reason],
  );
  return row === undefined ? undefined : banOf(row);
}

/** Bans set or lifted since `sinceMs`, oldest first, at most `limit`. */
export async function bansSince(
  run: RunStatement,
  sinceMs: number,
  limit: number,
): Promise<readonly BanRow[]> {
  const rows = await run<RawBan>(
    "bans_since",
    `SELECT ${banColumns} FROM accounts.account
     WHERE ban_changed_at >= to_timestamp($1::float8 / 1000) ORDER BY ban_changed_at LIMIT $2`,
    [sinceMs, limit],
  );
  return rows.map(banOf);
}

function banOf(row: RawBan): BanRow {
  return {
    accountId: row.account_id,
    name: row.name,
    bannedUntilMs: row.banned_until_ms ?? undefined,
    changedMs: row.changed_ms,
  };
}

function accountOf(row: RawAccount): AccountRow {
  return {
    accountId: row.account_id,
    name: row.name,
    passwordHash: row.password_hash,
    bannedUntilMs: row.banned_until_ms ?? undefined,
    banReason: row.ban_reason,
    residence: keyOf(row),
  };
}

/** Undefined for NULL. */
export function keyOf(row: { hex_id: string | null; layer_id: string | null }): Key | undefined {
  return row.hex_id === null
    ? undefined
    : { hexId: BigInt(row.hex_id), layerId: Number(row.layer_id) };
}
