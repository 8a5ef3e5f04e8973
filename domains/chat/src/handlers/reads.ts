/** What players ask. Answered from the database, without a lock. */
import { create } from "@bufbuild/protobuf";
import { type MessageHandler, onCommand } from "@hexhold/domain";
import {
  BlockedSchema,
  BlocksSchema,
  ChatMessageSchema,
  GetBlocksSchema,
  GetHistorySchema,
  GetWhispersSchema,
  HistorySchema,
  PartnerSchema,
  WhispersSchema,
} from "@hexhold/gen/hexhold/chat/v1/commands_pb";
import { uuidBytes, uuidText } from "@hexhold/messaging";
import { parseChannel, readRefusal, whisperChannel } from "../rules/channels.ts";
import { readBlocks, takesWhispers } from "../store/block-rows.ts";
import { lastNumber, readMessages, readPartners } from "../store/message-rows.ts";
import { hexOf } from "../store/speaker-rows.ts";
import type { ChatWork } from "../work/chat-work.ts";
import { refused } from "./refused.ts";

const messagesDefault = 50;
const partnersDefault = 50;
const blocksDefault = 100;
const firstId = "00000000-0000-0000-0000-000000000000";
const lastSeq = 2n ** 63n - 1n;
/** Behind every moment that PostgreSQL is asked about here. */
const lastMs = 253_402_300_799_000;

export const reads: readonly MessageHandler<ChatWork>[] = [
  onCommand(GetHistorySchema, async (transaction, { message, envelope }) => {
    const { channel: name, before } = message;
    const limit = message.limit || messagesDefault;
    const account = uuidText(envelope.accountId);
    const channel = parseChannel(name);
    const hex = channel?.kind === "hex" ? await hexOf(transaction, account) : undefined;
    const refusal = readRefusal(channel, account, hex);
    if (refusal !== undefined) return refused(refusal);
    // Before the messages: all up to this number are there to be read.
    const seq = await lastNumber(transaction, name);
    // One more than asked for tells whether there is another page.
    const rows = await readMessages(
      transaction,
      { kind: channel!.kind, name },
      { before: before || lastSeq, limit: limit + 1 },
    );
    const page = rows.slice(0, limit);
    const result = create(HistorySchema, {
      messages: page.map((row) =>
        create(ChatMessageSchema, {
          seq: row.seq,
          accountId: uuidBytes(row.account),
          name: row.name,
          text: row.text,
          atMs: BigInt(row.atMs),
          removed: row.isRemoved,
        }),
      ),
      nextBefore: rows.length > limit ? page.at(-1)!.seq : 0n,
      seq,
    });
    return { kind: "applied", result };
  }),

  onCommand(GetWhispersSchema, async (transaction, { message, envelope }) => {
    const limit = message.limit || partnersDefault;
    const account = uuidText(envelope.accountId);
    const rows = await readPartners(transaction, account, {
      beforeMs: message.beforeMs === 0n ? lastMs : Math.min(Number(message.beforeMs), lastMs),
      limit: limit + 1,
    });
    const page = rows.slice(0, limit);
    const result = create(WhispersSchema, {
      partners: page.map((row) =>
        create(PartnerSchema, {
          accountId: uuidBytes(row.account),
          name: row.name,
          channel: whisperChannel(account, row.account),
          seq: row.seq,
          atMs: BigInt(row.atMs),
        }),
      ),
      nextBeforeMs: rows.length > limit ? BigInt(page.at(-1)!.atMs) : 0n,
    });
    return { kind: "applied", result };
  }),

  onCommand(GetBlocksSchema, async (transaction, { message, envelope }) => {
    const limit = message.limit || blocksDefault;
    const account = uuidText(envelope.accountId);
    const rows = await readBlocks(transaction, account, {
      after: message.after.length === 16 ? uuidText(message.after) : firstId,
      limit: limit + 1,
    });
    const page = rows.slice(0, limit);
    const result = create(BlocksSchema, {
      blocked: page.map((row) =>
        create(BlockedSchema, { accountId: uuidBytes(row.account), name: row.name }),
      ),
      nextAfter: rows.length > limit ? uuidBytes(page.at(-1)!.account) : new Uint8Array(0),
      whispersOff: !(await takesWhispers(transaction, account)),
    });
    return { kind: "applied", result };
  }),
];
