/** Channels and what was said in them. */
import type { Transaction } from "@hexhold/domain";
import { uuidBytes } from "@hexhold/messaging";
import { boolArray, int2Array, int8Array, textArray, uuidArray } from "@hexhold/postgres";
import { type ChannelKind, channelKinds } from "../rules/channels.ts";

const states = { said: 1, masked: 2, removed: 3 } as const;

export interface NewMessage {
  readonly kind: ChannelKind;
  readonly channel: string;
  readonly seq: bigint;
  readonly account: string;
  readonly text: string;
  readonly isMasked: boolean;
  readonly isFlagged: boolean;
}

/** Locks channels, in one order, and says the last number of each; those that are not there are made. */
export async function lockChannels(
  transaction: Transaction,
  channels: readonly string[],
): Promise<Map<string, bigint>> {
  if (channels.length === 0) return new Map();
  const rows = await transaction.query<{ channel: string; seq: string }>({
    name: "chat_next_seq",
    text: "SELECT c.channel, c.seq::text AS seq FROM chat.next_seq($1) AS c",
    values: [textArray(channels)],
  });
  return new Map(rows.map(({ channel, seq }) => [channel, BigInt(seq)]));
}

/** All of one moment, in channels that are locked. */
export async function storeMessages(
  transaction: Transaction,
  messages: readonly NewMessage[],
  atMs: number,
): Promise<void> {
  if (messages.length === 0) return;
  await transaction.query({
    name: "chat_store_messages",
    text: `INSERT INTO chat.message (kind, day, channel, seq, account_id, text, state, flagged, at)
      SELECT n.kind, $8::date, n.channel, n.seq, n.account, n.text, n.state, n.flagged, to_timestamp($9::float8 / 1000)
      FROM unnest($1::smallint[], $2::text[], $3::bigint[], $4::uuid[], $5::text[], $6::smallint[], $7::boolean[])
        AS n (kind, channel, seq, account, text, state, flagged)`,
    values: [
      int2Array(messages.map(({ kind }) => channelKinds[kind])),
      textArray(messages.map(({ channel }) => channel)),
      int8Array(messages.map(({ seq }) => seq)),
      uuidArray(messages.map(({ account }) => uuidBytes(account))),
      textArray(messages.map(({ text }) => text)),
      int2Array(messages.map(({ isMasked }) => (isMasked ? states.masked : states.said))),
      boolArray(messages.map(({ isFlagged }) => isFlagged)),
      dayText(atMs),
      atMs,
    ],
  });
}

/** Keeps the last numbers of channels that are locked, when their messages are stored. */
export async function keepNumbers(
  transaction: Transaction,
  channels: readonly {
    readonly channel: string;
    readonly before: bigint;
    readonly after: bigint;
  }[],
  atMs: number,
): Promise<void> {
  if (channels.length === 0) return;
  await transaction.query({
    name: "chat_keep_seq",
    text: "SELECT chat.keep_seq($1, $2, $3, $4::date)",
    values: [
      textArray(channels.map(({ channel }) => channel)),
      int8Array(channels.map(({ before }) => before)),
      int8Array(channels.map(({ after }) => after)),
      dayText(atMs),
    ],
  });
}

export interface StoredWhisper {
  readonly sender: string;
  readonly receiver: string;
  readonly seq: bigint;
}

export async function notePartners(
  transaction: Transaction,
  whispers: readonly StoredWhisper[],
  atMs: number,
): Promise<void> {
  if (whispers.length === 0) return;
  await transaction.query({
    name: "chat_note_partners",
    text: "SELECT chat.note_partners($1, $2, $3, $4)",
    values: [
      uuidArray(whispers.map(({ sender }) => uuidBytes(sender))),
      uuidArray(whispers.map(({ receiver }) => uuidBytes(receiver))),
      int8Array(whispers.map(({ seq }) => seq)),
      atMs,
    ],
  });
}

/** Day of a moment, UTC, as PostgreSQL reads it. */
export function dayText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

export interface MessageRow {
  readonly seq: bigint;
  readonly account: string;
  readonly name: string;
  readonly text: string;
  readonly atMs: number;
  readonly isRemoved: boolean;
}

export const historyStatement = `SELECT m.seq::text AS seq, m.account_id::text AS account, m.text, m.state,
    (extract(epoch FROM m.at) * 1000)::bigint::text AS at_ms,
    coalesce((SELECT s.name FROM chat.speaker AS s WHERE s.account_id = m.account_id), '') AS name
  FROM chat.message AS m WHERE m.kind = $1 AND m.channel = $2 AND m.seq < $3 ORDER BY m.seq DESC LIMIT $4`;

/** The newest first, numbers below `before`. */
export async function readMessages(
  transaction: Transaction,
  channel: { readonly kind: ChannelKind; readonly name: string },
  { before, limit }: { readonly before: bigint; readonly limit: number },
): Promise<readonly MessageRow[]> {
  const rows = await transaction.query<{
    seq: string;
    account: string;
    name: string;
    text: string;
    state: number;
    at_ms: string;
  }>({
    name: "chat_history",
    text: historyStatement,
    values: [channelKinds[channel.kind], channel.name, before, limit],
  });
  return rows.map(({ seq, account, name, text, state, at_ms: atMs }) => ({
    seq: BigInt(seq),
    account,
    name,
    text,
    atMs: Number(atMs),
    isRemoved: state === states.removed,
  }));
}

/** The last number of a channel; 0 = nothing was ever said in it. */
export async function lastNumber(transaction: Transaction, channel: string): Promise<bigint> {
  const [row] = await transaction.query<{ seq: string }>({
    name: "chat_last_number",
    text: "SELECT seq::text AS seq FROM chat.channel WHERE channel = $1",
    values: [channel],
  });
  return BigInt(row?.seq ?? 0);
}

export interface PartnerRow {
  readonly account: string;
  readonly name: string;
  readonly seq: bigint;
  readonly atMs: number;
}

/** The newest first, of before `beforeMs`. */
export async function readPartners(
  transaction: Transaction,
  account: string,
  { beforeMs, limit }: { readonly beforeMs: number; readonly limit: number },
): Promise<readonly PartnerRow[]> {
  const rows = await transaction.query<{
    account: string;
    name: string;
    seq: string;
    at_ms: string;
  }>({
    name: "chat_partners",
    text: `SELECT p.partner::text AS account, p.seq::text AS seq, (extract(epoch FROM p.last_at) * 1000)::bigint::text AS at_ms,
        coalesce((SELECT s.name FROM chat.speaker AS s WHERE s.account_id = p.partner), '') AS name
      FROM chat.partner AS p WHERE p.account_id = $1 AND p.last_at < to_timestamp($2::float8 / 1000)
      ORDER BY p.last_at DESC LIMIT $3`,
    values: [account, beforeMs, limit],
  });
  return rows.map(({ seq, at_ms: atMs, ...row }) => ({
    ...row,
    seq: BigInt(seq),
    atMs: Number(atMs),
  }));
}

/** Who said a message; undefined: it is not kept, or there is none. */
export async function authorOf(
  transaction: Transaction,
  channel: { readonly kind: ChannelKind; readonly name: string },
  seq: bigint,
): Promise<string | undefined> {
  const [row] = await transaction.query<{ account: string }>({
    name: "chat_author",
    text: "SELECT account_id::text AS account FROM chat.message WHERE kind = $1 AND channel = $2 AND seq = $3",
    values: [channelKinds[channel.kind], channel.name, seq],
  });
  return row?.account;
}

/** Takes a message away; undefined: there is none. */
export async function removeMessage(
  transaction: Transaction,
  removal: {
    readonly channel: string;
    readonly seq: bigint;
    readonly reason: string;
    readonly nowMs: number;
  },
): Promise<{ readonly isNew: boolean } | undefined> {
  const [row] = await transaction.query<{ is_new: boolean }>({
    name: "chat_remove",
    text: "SELECT r.is_new FROM chat.remove($1, $2, $3, $4) AS r",
    values: [removal.channel, removal.seq, removal.reason, removal.nowMs],
  });
  return row === undefined ? undefined : { isNew: row.is_new };
}
