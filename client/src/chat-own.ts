/** What is whispered by a player and to it, and that it is muted. */
import { fromBinary } from "@bufbuild/protobuf";
import { GetWhispersSchema } from "@hexhold/gen/hexhold/chat/v1/commands_pb";
import {
  MutedSchema,
  RemovedSchema,
  WhisperedSchema,
} from "@hexhold/gen/hexhold/chat/v1/events_pb";
import { ChatFollower, type ReadHistory } from "./chat-follower.ts";
import { lineOf } from "./chat-line.ts";
import type { ChatLine, ChatUpdate } from "./chat-outlet.ts";
import type { Client } from "./client.ts";
import { typeOfEvent } from "./contract-of.ts";
import { unordered } from "./healing.ts";
import { ownTopic } from "./topics.ts";

/** Of the player alone: what is whispered, by it and to it, and that it is muted. */
export type OwnChatUpdate =
  | ChatUpdate
  | {
      readonly kind: "muted";
      /** World time, Unix milliseconds; 0 = it is muted no longer. */
      readonly untilMs: number;
      readonly reason: string;
    };

const partnersMax = 50;
const readEveryMs = 60_000;
const removed = typeOfEvent(RemovedSchema);
const whispered = typeOfEvent(WhisperedSchema);
const muted = typeOfEvent(MutedSchema);

/** Whispers of the player, channel by channel: what is told has numbers, though the topic has none. */
export function followOwn(
  client: Pick<Client<unknown>, "listen" | "send">,
  readHistory: ReadHistory,
  tell: (update: OwnChatUpdate | { readonly kind: "closed" }) => void,
): { close(): void } {
  const followers = new Map<string, ChatFollower>();
  /** Of partners that were there when it began. */
  let isKnown = false;
  let isClosed = false;
  let isReading = false;
  let early: ChatLine[] = [];

  function followerOf(channel: string, last: bigint): ChatFollower {
    const known = followers.get(channel);
    if (known !== undefined) return known;
    const follower = new ChatFollower({
      channel,
      readHistory,
      backlog: partnersMax,
      last,
      tell,
      // Of the own account: never.
      onNever: () => followers.delete(channel),
    });
    followers.set(channel, follower);
    return follower;
  }

  /** Never rejects. */
  async function readPartners(): Promise<void> {
    if (isReading || isClosed) return;
    isReading = true;
    const outcome = await client
      .send(GetWhispersSchema, undefined, { limit: partnersMax }, unordered)
      .catch(() => undefined);
    isReading = false;
    if (isClosed || outcome?.outcome !== "applied") return;
    for (const { channel, seq } of outcome.result.partners) {
      // Whispers of before are history; a channel that is new since then is told from its beginning.
      followerOf(channel, isKnown ? 0n : seq).marked(seq);
    }
    isKnown = true;
    for (const line of early) said(line);
    early = [];
  }

  function said(line: ChatLine): void {
    if (isKnown) {
      const follower = followerOf(line.channel, 0n);
      follower.said(line);
      follower.marked(line.seq);
    } else early.push(line);
  }

  const listening = client.listen(ownTopic, (update) => {
    switch (update.kind) {
      case "event":
        if (update.type === whispered) {
          const event = fromBinary(WhisperedSchema, update.payload);
          said(lineOf(event.channel, event));
        } else if (update.type === removed) {
          const { channel, seq } = fromBinary(RemovedSchema, update.payload);
          tell({ kind: "removed", channel, seq });
        } else if (update.type === muted) {
          const { untilMs, reason } = fromBinary(MutedSchema, update.payload);
          tell({ kind: "muted", untilMs: Number(untilMs), reason });
        }
        break;
      case "mark":
        void readPartners();
        break;
      case "lost":
        if (update.cause === "resync") void readPartners();
        break;
      case "denied":
      case "closed":
        tell({ kind: "closed" });
        break;
      default:
        update satisfies never;
    }
  });
  const clock = setInterval(() => void readPartners(), readEveryMs);
  return {
    close() {
      isClosed = true;
      clearInterval(clock);
      listening.close();
      for (const follower of followers.values()) follower.close();
    },
  };
}
