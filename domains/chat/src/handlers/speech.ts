/** What players say: to a hex, to the world, to one another. */
import { create } from "@bufbuild/protobuf";
import {
  type CommandOutcome,
  type DomainCommand,
  onCommand,
  type TopicPublisher,
} from "@hexhold/domain";
import {
  Channel,
  SayResultSchema,
  SaySchema,
  type Whisper,
  WhisperSchema,
} from "@hexhold/gen/hexhold/chat/v1/commands_pb";
import { MutedSchema, SaidSchema, WhisperedSchema } from "@hexhold/gen/hexhold/chat/v1/events_pb";
import type { Envelope } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { sha256, uuidBytes, uuidText } from "@hexhold/messaging";
import type { ChatMetrics } from "../chat-metrics.ts";
import type { Moderated } from "../moderation/moderator.ts";
import {
  type ChannelKind,
  hexChannel,
  parseChannel,
  topicOf,
  whisperChannel,
  worldChannel,
} from "../rules/channels.ts";
import { speak, type Speaker, type Speech } from "../rules/speaker.ts";
import { foldedText } from "../rules/text.ts";
import { receiverOf } from "../store/speaker-rows.ts";
import type { ChatWork } from "../work/chat-work.ts";
import { named, type NamedHandler } from "./named-handler.ts";
import { refused } from "./refused.ts";

export interface SpeechOptions {
  readonly topics: Pick<TopicPublisher, "toPlayer" | "toTopic">;
  readonly metrics: Pick<ChatMetrics, "messages" | "refused" | "fanOut" | "masked" | "mutes">;
  /** World time, Unix milliseconds. */
  readonly worldNow: () => number;
}

export function speech(options: SpeechOptions): readonly NamedHandler[] {
  return [say(options), whisper(options)];
}

function say(options: SpeechOptions): NamedHandler {
  return named(
    SaySchema,
    ({ message, envelope }) => ({
      account: uuidText(envelope.accountId),
      make: true,
      text: message.text,
      channel: message.channel === Channel.WORLD ? "world" : "hex",
    }),
    (schema) =>
      onCommand(schema, (_, { message, envelope }, work: ChatWork) => {
        const kind = message.channel === Channel.WORLD ? "world" : "hex";
        const speaker = speakerOf(work, envelope);
        const text = work.textOf(message);
        // Without a residence it is refused, whatever the channel were called.
        const channel = kind === "world" ? worldChannel : hexChannel(speaker.hex ?? "");
        const told = { isNewPartner: false, openedMs: [] };
        return Promise.resolve(
          utter({ work, kind, channel, speaker, text, ...told, options }, (said, seq) => {
            const place = parseChannel(channel);
            const topic = place === undefined ? undefined : topicOf(place);
            if (topic === undefined) return;
            options.topics.toTopic({
              topic,
              seq,
              schema: SaidSchema,
              message: create(SaidSchema, {
                channel,
                seq,
                accountId: envelope.accountId,
                name: speaker.name ?? "",
                text: said,
                atMs: BigInt(work.nowMs),
              }),
            });
            observe(options, envelope);
          }),
        );
      }),
  );
}

function whisper(options: SpeechOptions): NamedHandler {
  return named(
    WhisperSchema,
    ({ message, envelope }) => ({
      account: uuidText(envelope.accountId),
      make: true,
      text: message.text,
      channel: "whisper",
      to: toOf(message),
    }),
    (schema) =>
      onCommand(schema, async (transaction, command: DomainCommand<Whisper>, work: ChatWork) => {
        const { message, envelope } = command;
        const speaker = speakerOf(work, envelope);
        const { account: sender } = speaker;
        const text = work.textOf(message);
        const reject = (reason: string): CommandOutcome => refusedOf(work, options, reason);
        if (text.kind === "refused") return reject("text-not-allowed");
        const to = work.receiver(message, toOf(message));
        // A mute is told before anything of the other account is.
        if (speaker.mutedUntilMs <= work.nowMs) {
          if (to === sender) return reject("yourself");
          if (to === undefined) return reject("unknown-player");
        }
        const receiver =
          to === undefined || to === sender
            ? undefined
            : await receiverOf(transaction, { sender, receiver: to, nowMs: work.nowMs });
        if (speaker.mutedUntilMs <= work.nowMs) {
          if (receiver === undefined) return reject("unknown-player");
          if (!receiver.isOpen) return reject("not-accepted");
        }
        const channel = whisperChannel(sender, to ?? sender);
        const opened = work.openedBy(sender);
        const told = {
          isNewPartner: receiver?.isPartner === false && !opened.includes(to!),
          openedMs: [
            ...(receiver?.openedMs ?? []),
            ...Array.from(new Set(opened), () => work.nowMs),
          ],
        };
        return utter(
          { work, kind: "whisper", channel, speaker, text, ...told, to, options },
          (said, seq) => {
            const event = create(WhisperedSchema, {
              channel,
              seq,
              accountId: envelope.accountId,
              name: speaker.name ?? "",
              toAccountId: uuidBytes(to!),
              toName: receiver?.name ?? "",
              text: said,
              atMs: BigInt(work.nowMs),
            });
            for (const account of [sender, to!]) {
              options.topics.toPlayer({ account, schema: WhisperedSchema, message: event });
            }
            observe(options, envelope);
          },
        );
      }),
  );
}

interface Utterance extends Pick<Speech, "isNewPartner" | "openedMs"> {
  readonly work: ChatWork;
  readonly kind: ChannelKind;
  readonly channel: string;
  readonly speaker: Speaker;
  readonly text: Moderated;
  /** Of a whisper. */
  readonly to?: string | undefined;
  readonly options: SpeechOptions;
}

/** Says it, unless a rule is against it. `tell` tells those who listen, when it is committed. */
function utter(
  { work, kind, channel, speaker, text, isNewPartner, openedMs, to, options }: Utterance,
  tell: (text: string, seq: bigint) => void,
): CommandOutcome {
  const { metrics, topics } = options;
  if (text.kind === "refused") return refusedOf(work, options, "text-not-allowed");
  const hash = hashOf(channel, text.text);
  const decided = speak(speaker, { kind, hash, isNewPartner, openedMs }, work.rules, work.nowMs);
  if (decided.speaker !== speaker) work.spend(decided.speaker);
  if (decided.kind === "refused") {
    const { mutedUntilMs, muteReason } = decided.speaker;
    if (mutedUntilMs > speaker.mutedUntilMs) {
      work.afterCommit(() => {
        metrics.mutes.inc({ by: "service" });
        topics.toPlayer({
          account: speaker.account,
          schema: MutedSchema,
          message: create(MutedSchema, { untilMs: BigInt(mutedUntilMs), reason: muteReason }),
        });
      });
    }
    return refusedOf(work, options, decided.reason, decided.retryAfterMs);
  }
  const { account } = speaker;
  const { text: said, isMasked, isFlagged } = text;
  const seq = work.say({ kind, channel, account, text: said, isMasked, isFlagged }, to);
  work.afterCommit(() => {
    metrics.messages.inc({ channel: kind });
    if (isMasked) metrics.masked.inc();
    tell(said, seq);
  });
  const atMs = BigInt(work.nowMs);
  return { kind: "applied", result: create(SayResultSchema, { channel, seq, atMs }) };
}

function refusedOf(
  work: ChatWork,
  { metrics }: Pick<SpeechOptions, "metrics">,
  reason: string,
  retryAfterMs = 0,
): CommandOutcome {
  work.afterCommit(() => metrics.refused.inc({ reason }));
  return refused(reason, retryAfterMs);
}

function speakerOf(work: ChatWork, { accountId }: Envelope): Speaker {
  const speaker = work.speaker(uuidText(accountId));
  if (speaker === undefined) throw new TypeError("who speaks was not locked");
  return speaker;
}

function toOf({ to }: Whisper): { readonly account?: string; readonly name?: string } {
  if (to.case === "accountId") return { account: uuidText(to.value) };
  return to.case === "name" ? { name: to.value } : {};
}

/** By which a repetition in a channel is known. */
function hashOf(channel: string, text: string): bigint {
  return Buffer.from(sha256(Buffer.from(`${channel}\n${foldedText(text)}`))).readBigInt64BE();
}

function observe({ metrics, worldNow }: SpeechOptions, { tsMs }: Envelope): void {
  metrics.fanOut.observe(Math.max(worldNow() - Number(tsMs), 0) / 1000);
}
