/** Accounts as chat knows them. */
import type { Transaction } from "@hexhold/domain";
import { uuidBytes } from "@hexhold/messaging";
import { boolArray, int8Array, textArray, uuidArray } from "@hexhold/postgres";
import type { Speaker } from "../rules/speaker.ts";

interface RawSpeaker {
  readonly account: string;
  readonly name: string | null;
  readonly registered_ms: string | null;
  readonly hex: string | null;
  readonly has_entered: boolean;
  readonly local_full_ms: string;
  readonly world_full_ms: string;
  readonly whisper_full_ms: string;
  readonly report_full_ms: string;
  readonly too_fast_ms: readonly string[];
  readonly said_hashes: readonly string[];
  readonly said_ms: readonly string[];
  readonly muted_until_ms: string;
  readonly mute_reason: string;
  readonly auto_mutes: number;
  readonly takes_whispers: boolean;
}

/** Locks accounts, in one order; makes those that are not there where `make` says so. By account. */
export async function lockSpeakers(
  transaction: Transaction,
  accounts: ReadonlyMap<string, { readonly make: boolean }>,
): Promise<Map<string, Speaker>> {
  if (accounts.size === 0) return new Map();
  const rows = await transaction.query<RawSpeaker>({
    name: "chat_lock_speakers",
    text: `SELECT s.account_id::text AS account, s.name, (extract(epoch FROM s.registered_at) * 1000)::bigint::text AS registered_ms,
        s.hex, s.has_entered, s.local_full_ms::text, s.world_full_ms::text, s.whisper_full_ms::text, s.report_full_ms::text,
        s.too_fast_ms::text[], s.said_hashes::text[], s.said_ms::text[], s.muted_until_ms::text, s.mute_reason, s.auto_mutes,
        s.takes_whispers
      FROM chat.lock_speakers($1, $2) AS s`,
    values: [
      uuidArray(Array.from(accounts.keys(), uuidBytes)),
      boolArray(Array.from(accounts.values(), ({ make }) => make)),
    ],
  });
  return new Map(rows.map((row) => [row.account, speakerOf(row)]));
}

function speakerOf(row: RawSpeaker): Speaker {
  return {
    account: row.account,
    name: row.name ?? undefined,
    registeredMs: row.registered_ms === null ? undefined : Number(row.registered_ms),
    hex: row.hex ?? undefined,
    hasEntered: row.has_entered,
    localFullMs: Number(row.local_full_ms),
    worldFullMs: Number(row.world_full_ms),
    whisperFullMs: Number(row.whisper_full_ms),
    reportFullMs: Number(row.report_full_ms),
    tooFastMs: row.too_fast_ms.map(Number),
    said: row.said_hashes.map((hash, n) => ({ hash: BigInt(hash), atMs: Number(row.said_ms[n]) })),
    mutedUntilMs: Number(row.muted_until_ms),
    muteReason: row.mute_reason,
    autoMutes: row.auto_mutes,
    takesWhispers: row.takes_whispers,
  };
}

/** Stores what locked accounts have spent, and what was noted of them. */
export async function storeSpent(
  transaction: Transaction,
  speakers: readonly Speaker[],
): Promise<void> {
  if (speakers.length === 0) return;
  const spent = speakers.map((speaker) => ({
    account: speaker.account,
    local_full_ms: speaker.localFullMs,
    world_full_ms: speaker.worldFullMs,
    whisper_full_ms: speaker.whisperFullMs,
    report_full_ms: speaker.reportFullMs,
    too_fast_ms: speaker.tooFastMs,
    // Beyond what a number of JSON is read as exactly.
    said_hashes: speaker.said.map(({ hash }) => String(hash)),
    said_ms: speaker.said.map(({ atMs }) => atMs),
    muted_until_ms: speaker.mutedUntilMs,
    mute_reason: speaker.muteReason,
    auto_mutes: speaker.autoMutes,
    takes_whispers: speaker.takesWhispers,
  }));
  await transaction.query({
    name: "chat_spend",
    text: "SELECT chat.spend($1)",
    values: [JSON.stringify(spent)],
  });
}

export interface Registration {
  readonly account: Uint8Array;
  readonly name: string;
  readonly atMs: bigint;
}

export async function storeRegistrations(
  transaction: Transaction,
  registered: readonly Registration[],
): Promise<void> {
  await transaction.query({
    name: "chat_registered",
    text: "SELECT chat.registered($1, $2, $3)",
    values: [
      uuidArray(registered.map(({ account }) => account)),
      textArray(registered.map(({ name }) => name)),
      int8Array(registered.map(({ atMs }) => atMs)),
    ],
  });
}

export interface Residence {
  readonly account: Uint8Array;
  /** Key text. */
  readonly hex: string;
  /** Transfers of its life so far: of two hexes the one with more of them is newer. */
  readonly number: bigint;
  /** The player has been in the world. */
  readonly hasEntered: boolean;
}

/** Where players live: in any order, any number of times. */
export async function storeResidences(
  transaction: Transaction,
  residences: readonly Residence[],
): Promise<void> {
  await transaction.query({
    name: "chat_residence",
    text: "SELECT chat.residence($1, $2, $3, $4)",
    values: [
      uuidArray(residences.map(({ account }) => account)),
      textArray(residences.map(({ hex }) => hex)),
      int8Array(residences.map(({ number }) => number)),
      boolArray(residences.map(({ hasEntered }) => hasEntered)),
    ],
  });
}

/** Key text of where an account's player lives; undefined: nobody has said. */
export async function hexOf(
  transaction: Transaction,
  account: string,
): Promise<string | undefined> {
  const [row] = await transaction.query<{ hex: string | null }>({
    name: "chat_hex_of",
    text: "SELECT hex FROM chat.speaker WHERE account_id = $1",
    values: [account],
  });
  return row?.hex ?? undefined;
}

/** Account with a name; capital letters do not count. Undefined: nobody is called so. */
export async function accountNamed(
  transaction: Transaction,
  name: string,
): Promise<string | undefined> {
  const [row] = await transaction.query<{ account: string }>({
    name: "chat_account_named",
    text: "SELECT account_id::text AS account FROM chat.speaker WHERE lower(name) = lower($1) AND name IS NOT NULL LIMIT 1",
    values: [name],
  });
  return row?.account;
}

/** What a whisper depends on besides its sender; undefined: there is no such account. */
export interface Receiver {
  readonly name: string;
  /** It takes whispers, and those of the sender. */
  readonly isOpen: boolean;
  /** They have whispered before. */
  readonly isPartner: boolean;
  /** When the sender began to whisper with others, in the last hour. */
  readonly openedMs: readonly number[];
}

export async function receiverOf(
  transaction: Transaction,
  {
    sender,
    receiver,
    nowMs,
  }: { readonly sender: string; readonly receiver: string; readonly nowMs: number },
): Promise<Receiver | undefined> {
  const [row] = await transaction.query<{
    name: string;
    is_open: boolean;
    is_partner: boolean;
    opened: readonly string[];
  }>({
    name: "chat_receiver",
    text: `SELECT coalesce(s.name, '') AS name,
        s.takes_whispers AND NOT EXISTS (SELECT 1 FROM chat.block AS b WHERE b.account_id = s.account_id AND b.blocked = $1) AS is_open,
        EXISTS (SELECT 1 FROM chat.partner AS p WHERE p.account_id = $1 AND p.partner = s.account_id) AS is_partner,
        ARRAY(SELECT (extract(epoch FROM p.since) * 1000)::bigint::text FROM chat.partner AS p
          WHERE p.account_id = $1 AND p.has_opened AND p.since > to_timestamp($3::float8 / 1000)) AS opened
      FROM chat.speaker AS s WHERE s.account_id = $2`,
    values: [sender, receiver, nowMs - 3_600_000],
  });
  if (row === undefined) return undefined;
  const { name, is_open: isOpen, is_partner: isPartner, opened } = row;
  return { name, isOpen, isPartner, openedMs: opened.map(Number) };
}

/** Mutes a locked account until a time; 0 = no longer. False: there is no such account. */
export async function muteSpeaker(
  transaction: Transaction,
  mute: {
    readonly account: string;
    readonly untilMs: number;
    readonly reason: string;
    readonly nowMs: number;
  },
): Promise<boolean> {
  const [row] = await transaction.query<{ done: boolean }>({
    name: "chat_mute",
    text: "SELECT chat.mute($1, $2, $3, $4) AS done",
    values: [mute.account, mute.untilMs, mute.reason, mute.nowMs],
  });
  return row?.done === true;
}
