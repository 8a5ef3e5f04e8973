/** What moderators do: accounts are muted, messages taken away, reports read. */
import { create } from "@bufbuild/protobuf";
import { type MessageHandler, onCommand, type TopicPublisher } from "@hexhold/domain";
import { MutedSchema, RemovedSchema } from "@hexhold/gen/hexhold/chat/v1/events_pb";
import {
  ListReportsSchema,
  MuteSchema,
  RemoveMessageSchema,
  ReportedMessageSchema,
  ReportsSchema,
} from "@hexhold/gen/hexhold/chat/v1/moderation_pb";
import { uuidBytes, uuidText } from "@hexhold/messaging";
import type { Logger } from "@hexhold/telemetry";
import type { ChatMetrics } from "../chat-metrics.ts";
import { parseChannel, topicOf } from "../rules/channels.ts";
import { removeMessage } from "../store/message-rows.ts";
import { readReports } from "../store/report-rows.ts";
import { muteSpeaker } from "../store/speaker-rows.ts";
import type { ChatWork } from "../work/chat-work.ts";
import { named, type NamedHandler } from "./named-handler.ts";
import { refused } from "./refused.ts";

export interface OperatorCommandOptions {
  readonly topics: Pick<TopicPublisher, "toPlayer" | "toTopic">;
  readonly metrics: Pick<ChatMetrics, "mutes" | "removed">;
  readonly logger: Logger;
}

const reportsDefault = 50;
const lastId = "ffffffff-ffff-ffff-ffff-ffffffffffff";

export function operatorCommands(options: OperatorCommandOptions): {
  readonly named: readonly NamedHandler[];
  readonly others: readonly MessageHandler<ChatWork>[];
} {
  return { named: [mute(options)], others: [remove(options), listReports] };
}

function mute({ topics, metrics, logger }: OperatorCommandOptions): NamedHandler {
  return named(
    MuteSchema,
    ({ message }) => ({ account: uuidText(message.accountId) }),
    (schema) =>
      onCommand(schema, async (transaction, { message }, work: ChatWork) => {
        const account = uuidText(message.accountId);
        const { reason, off } = message;
        const untilMs = off ? 0 : Number(message.untilMs);
        const done = await muteSpeaker(transaction, {
          account,
          untilMs,
          reason,
          nowMs: work.nowMs,
        });
        if (!done) return refused("unknown-account");
        // What is said behind it in this batch is said by the account as it is now.
        const speaker = work.speaker(account);
        if (speaker !== undefined) {
          work.spend({
            ...speaker,
            mutedUntilMs: untilMs,
            muteReason: untilMs === 0 ? "" : reason,
            tooFastMs: [],
            autoMutes: untilMs === 0 ? 0 : speaker.autoMutes,
          });
        }
        work.afterCommit(() => {
          if (untilMs > 0) metrics.mutes.inc({ by: "operator" });
          logger.info(
            { account, untilMs, reason },
            "an operator has muted an account, or ended it",
          );
          topics.toPlayer({
            account,
            schema: MutedSchema,
            message: create(MutedSchema, { untilMs: BigInt(untilMs), reason: off ? "" : reason }),
          });
        });
        return { kind: "applied" };
      }),
  );
}

function remove({ topics, metrics, logger }: OperatorCommandOptions): MessageHandler<ChatWork> {
  return onCommand(RemoveMessageSchema, async (transaction, { message }, work: ChatWork) => {
    const { channel: name, seq, reason } = message;
    const channel = parseChannel(name);
    const removal = { channel: name, seq, reason, nowMs: work.nowMs };
    const removed = channel === undefined ? undefined : await removeMessage(transaction, removal);
    if (channel === undefined || removed === undefined) return refused("unknown-message");
    work.afterCommit(() => {
      if (!removed.isNew) return;
      metrics.removed.inc();
      logger.info({ channel: name, seq: String(seq), reason }, "an operator has removed a message");
      const event = {
        schema: RemovedSchema,
        message: create(RemovedSchema, { channel: name, seq }),
      };
      const topic = topicOf(channel);
      if (topic !== undefined) topics.toTopic({ topic, seq: 0n, ...event });
      if (channel.kind !== "whisper") return;
      for (const account of channel.accounts) topics.toPlayer({ account, ...event });
    });
    return { kind: "applied" };
  });
}

const listReports: MessageHandler<ChatWork> = onCommand(
  ListReportsSchema,
  async (transaction, { message }) => {
    const limit = message.limit || reportsDefault;
    const rows = await readReports(transaction, {
      isAll: message.all,
      before: message.before || lastId,
      limit: limit + 1,
    });
    const page = rows.slice(0, limit);
    const result = create(ReportsSchema, {
      reports: page.map((row) =>
        create(ReportedMessageSchema, {
          reportId: row.id,
          channel: row.channel,
          seq: row.seq,
          reporterId: uuidBytes(row.reporter),
          reporterName: row.reporterName,
          reason: row.reason,
          atMs: BigInt(row.atMs),
          accountId: uuidBytes(row.account),
          name: row.name,
          text: row.text,
          saidMs: BigInt(row.saidMs),
          removed: row.isRemoved,
          endedMs: BigInt(row.endedMs),
          mutedUntilMs: BigInt(row.mutedUntilMs),
        }),
      ),
      nextBefore: rows.length > limit ? page.at(-1)!.id : "",
    });
    return { kind: "applied", result };
  },
);
