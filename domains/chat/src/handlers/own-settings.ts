/** Whom players block, whether they take whispers, what they report. */
import { create } from "@bufbuild/protobuf";
import { type MessageHandler, onCommand } from "@hexhold/domain";
import {
  BlockSchema,
  ReportResultSchema,
  ReportSchema,
  SetWhispersSchema,
} from "@hexhold/gen/hexhold/chat/v1/commands_pb";
import { uuidText } from "@hexhold/messaging";
import type { ChatMetrics } from "../chat-metrics.ts";
import { parseChannel, readRefusal } from "../rules/channels.ts";
import { reportOf } from "../rules/speaker.ts";
import { addBlock, countBlocks, endBlock, isBlocked } from "../store/block-rows.ts";
import { authorOf } from "../store/message-rows.ts";
import { addReport, hasReported } from "../store/report-rows.ts";
import type { ChatWork } from "../work/chat-work.ts";
import { named, type NamedHandler } from "./named-handler.ts";
import { refused } from "./refused.ts";

export interface OwnSettingsOptions {
  readonly metrics: Pick<ChatMetrics, "reports">;
  /** UUIDv7 of a moment, as 16 bytes. */
  readonly newId: (nowMs: number) => Uint8Array;
}

export const blocksMax = 500;

export function ownSettings(options: OwnSettingsOptions): readonly NamedHandler[] {
  return [block, setWhispers, report(options)];
}

/** The account that sends it, which is made when nobody has named it yet. */
const sender = ({ envelope }: { readonly envelope: { readonly accountId: Uint8Array } }) => ({
  account: uuidText(envelope.accountId),
  make: true,
});

const block: NamedHandler = named(BlockSchema, sender, (schema) =>
  onCommand(schema, async (transaction, { message, envelope }) => {
    const account = uuidText(envelope.accountId);
    const other = uuidText(message.accountId);
    if (account === other) return refused("yourself");
    if (message.off) {
      await endBlock(transaction, account, other);
      return { kind: "applied" };
    }
    if (await isBlocked(transaction, account, other)) return { kind: "applied" };
    if ((await countBlocks(transaction, account)) >= blocksMax) return refused("too-many-blocks");
    await addBlock(transaction, account, other);
    return { kind: "applied" };
  }),
);

const setWhispers: NamedHandler = named(
  SetWhispersSchema,
  sender,
  (schema): MessageHandler<ChatWork> =>
    onCommand(schema, (_, { message, envelope }, work: ChatWork) => {
      const speaker = work.speaker(uuidText(envelope.accountId));
      if (speaker === undefined) throw new TypeError("who sets this was not locked");
      work.spend({ ...speaker, takesWhispers: !message.off });
      return Promise.resolve({ kind: "applied" });
    }),
);

function report({ metrics, newId }: OwnSettingsOptions): NamedHandler {
  return named(ReportSchema, sender, (schema) =>
    onCommand(schema, async (transaction, { message, envelope }, work: ChatWork) => {
      const { channel: name, seq, reason } = message;
      const { nowMs } = work;
      const reporter = uuidText(envelope.accountId);
      const speaker = work.speaker(reporter);
      if (speaker === undefined) throw new TypeError("who reports was not locked");
      const channel = parseChannel(name);
      const refusal = readRefusal(channel, reporter, speaker.hex);
      if (refusal !== undefined) return refused(refusal);
      const author = await authorOf(transaction, { kind: channel!.kind, name }, seq);
      if (author === undefined) return refused("unknown-message");
      if (await hasReported(transaction, { channel: name, seq, reporter })) {
        return refused("already-reported");
      }
      const reported = reportOf(speaker, nowMs);
      if (reported.kind === "too-fast") return refused("too-fast", reported.retryAfterMs);
      work.spend(reported.speaker);
      const id = uuidText(newId(nowMs));
      await addReport(transaction, {
        id,
        channel: name,
        seq,
        account: author,
        reporter,
        reason,
        atMs: nowMs,
      });
      work.afterCommit(() => metrics.reports.inc());
      return { kind: "applied", result: create(ReportResultSchema, { reportId: id }) };
    }),
  );
}
