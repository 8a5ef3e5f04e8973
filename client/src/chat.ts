/** Chat as a player of a session hears and uses it. */
import { fromBinary } from "@bufbuild/protobuf";
import {
  type Block,
  BlockSchema,
  Channel,
  type GetHistory,
  GetBlocksSchema,
  GetHistorySchema,
  type GetWhispers,
  GetWhispersSchema,
  type Report,
  ReportSchema,
  type Say,
  SaySchema,
  type SetWhispers,
  SetWhispersSchema,
  type Whisper,
  WhisperSchema,
} from "@hexhold/gen/hexhold/chat/v1/commands_pb";
import { RemovedSchema, SaidSchema } from "@hexhold/gen/hexhold/chat/v1/events_pb";
import { type Key, keyText } from "@hexhold/hex";
import { hexDigits } from "./bytes.ts";
import { ChatFollower, type ReadHistory } from "./chat-follower.ts";
import { lineOf } from "./chat-line.ts";
import { type ChatUpdate, Outlet } from "./chat-outlet.ts";
import { followOwn, type OwnChatUpdate } from "./chat-own.ts";
import { HexRing } from "./chat-ring.ts";
import type { Client, SendOptions } from "./client.ts";
import { typeOfEvent } from "./contract-of.ts";
import { unordered, WatchError } from "./healing.ts";
import type { OutcomeOf } from "./outcome.ts";
import type { Listening, TopicUpdate } from "./topics.ts";

export interface ChatStreamOptions {
  /** Ends the iterator, as the end of the session does: it is done then, and does not throw. */
  readonly signal?: AbortSignal;
  /** Lines of each channel that come first, of what was said before: 0 to 50. Default 50 of the world, 20 of a hex. */
  readonly backlog?: number;
}

/** Whom an account has blocked. */
export interface BlockList {
  readonly blocked: readonly { readonly accountId: Uint8Array; readonly name: string }[];
  /** It takes no whispers at all. */
  readonly whispersOff: boolean;
}

export interface Chat {
  /**
   * Says something where the player lives (`local`), or to the world: 1 to 256 code points, one line. Refused with
   * `retryAfterMs` when it is too much.
   */
  say(where: "local" | "world", text: string, options?: SendOptions): Promise<OutcomeOf<Say>>;
  /** @param to an account, 16 bytes, or its name. */
  whisper(
    to: Uint8Array | string,
    text: string,
    options?: SendOptions,
  ): Promise<OutcomeOf<Whisper>>;
  /** A page of what was said in a channel, the newest first: 50 unless `limit` says less. Lines of blocked accounts are in it. */
  history(
    channel: string,
    page?: { readonly before?: bigint; readonly limit?: number },
    options?: SendOptions,
  ): Promise<OutcomeOf<GetHistory>>;
  /** With whom the account has whispered, the newest first: 50 unless `limit` says less. */
  whispers(
    page?: { readonly beforeMs?: bigint; readonly limit?: number },
    options?: SendOptions,
  ): Promise<OutcomeOf<GetWhispers>>;
  /** Blocks an account: its whispers are refused, and the streams of this object hide what it says. `off` ends it. */
  block(account: Uint8Array, off?: boolean, options?: SendOptions): Promise<OutcomeOf<Block>>;
  /** All of them, by id. Rejects with a {@link WatchError} when they cannot be read. */
  blocks(options?: SendOptions): Promise<BlockList>;
  /** Whether whispers of others are taken. */
  setWhispers(on: boolean, options?: SendOptions): Promise<OutcomeOf<SetWhispers>>;
  /** Reports a message to the moderators. @param reason one line, at most 256 characters. */
  report(
    line: { readonly channel: string; readonly seq: bigint },
    reason: string,
    options?: SendOptions,
  ): Promise<OutcomeOf<Report>>;
  /** Follows what is said to the world: each line once, in its order, those of blocked accounts left out. */
  world(options?: ChatStreamOptions): AsyncIterableIterator<ChatUpdate>;
  /**
   * Follows what is said where the player lives and in the hexes around, as it walks: at most seven hexes, to which the client
   * is subscribed meanwhile. Lines of a hex come once, in its order.
   * @param player as `createPlayer` makes it: its `key` is looked at four times a second.
   */
  local(
    player: { readonly key: Key },
    options?: ChatStreamOptions,
  ): AsyncIterableIterator<ChatUpdate>;
  /** Follows what is whispered by the player and to it from now on, and its mutes. Read again every 60 s. */
  own(options?: Pick<ChatStreamOptions, "signal">): AsyncIterableIterator<OwnChatUpdate>;
}

const worldBacklog = 50;
const hexBacklog = 20;
const pageMax = 50;
const blocksPerPage = 100;
const listenAgainMs = 1_000;
const readEveryMs = 60_000;
const said = typeOfEvent(SaidSchema);
const removed = typeOfEvent(RemovedSchema);

type ChatClient = Pick<Client<unknown>, "listen" | "send" | "subscribe">;

export function createChat(client: ChatClient): Chat {
  /** As hex digits; read when the first stream begins. */
  let blocked = new Set<string>();
  let blocksRead: Promise<unknown> | undefined;

  const readHistory: ReadHistory = async (channel, before, limit) => {
    const outcome = await client.send(
      GetHistorySchema,
      undefined,
      { channel, before, limit },
      unordered,
    );
    if (outcome.outcome === "applied") {
      const { messages, nextBefore, seq } = outcome.result;
      const lines = messages.map((message) => lineOf(channel, message));
      return { kind: "page", lines, nextBefore, seq };
    }
    // The service hears a moment later than the player where it lives.
    if (outcome.outcome === "error" || outcome.reason === "too-far") return { kind: "again" };
    return { kind: "never", reason: outcome.reason };
  };

  async function readBlocks(options: SendOptions = unordered): Promise<BlockList> {
    const all: BlockList["blocked"][number][] = [];
    let after: Uint8Array = new Uint8Array(0);
    for (;;) {
      const page = { limit: blocksPerPage, after };
      const outcome = await client.send(GetBlocksSchema, undefined, page, options);
      if (outcome.outcome !== "applied") throw new WatchError("the block list", outcome.reason);
      const { blocked: some, nextAfter, whispersOff } = outcome.result;
      all.push(...some.map(({ accountId, name }) => ({ accountId, name })));
      if (nextAfter.length === 0) {
        blocked = new Set(all.map(({ accountId }) => hexDigits(accountId)));
        return { blocked: all, whispersOff };
      }
      after = nextAfter;
    }
  }

  /** Resolves when it is known whom streams hide, or cannot be: the next stream tries again then. */
  function whenBlocksAreRead(): Promise<unknown> {
    blocksRead ??= readBlocks().catch(() => (blocksRead = undefined));
    return blocksRead;
  }

  const isHidden = (update: ChatUpdate): boolean =>
    update.kind === "said" && blocked.has(hexDigits(update.accountId));

  /** A channel that has a topic. Ends by `close`; tells `outlet`. */
  function followTopic(
    channel: string,
    topic: string,
    options: {
      readonly outlet: Outlet<ChatUpdate>;
      readonly backlog: number;
      readonly last?: bigint | undefined;
      /** Not for this session: true = it may be soon. */
      readonly isDeniedForNow: boolean;
    },
  ): { readonly last: bigint | undefined; close(): void } {
    const { outlet } = options;
    let listening: Listening | undefined;
    let again: ReturnType<typeof setTimeout> | undefined;
    /** No mark has come on this connection. */
    let isWaiting = true;
    const follower = new ChatFollower({
      channel,
      readHistory,
      backlog: options.backlog,
      last: options.last,
      tell(update) {
        if (!isHidden(update)) outlet.tell(update);
      },
      onNever: (reason) => outlet.finish(new WatchError(topic, reason)),
    });
    const onUpdate = (update: TopicUpdate): void => {
      switch (update.kind) {
        case "event":
          if (update.type === said)
            follower.said(lineOf(channel, fromBinary(SaidSchema, update.payload)));
          else if (update.type === removed) {
            const { seq } = fromBinary(RemovedSchema, update.payload);
            outlet.tell({ kind: "removed", channel, seq });
          }
          break;
        case "mark":
          if (isWaiting || update.seq === 0n) follower.stale();
          else follower.marked(update.seq);
          isWaiting = false;
          break;
        case "lost":
          // Of a connection: a mark follows.
          if (update.cause === "connection") isWaiting = true;
          else follower.stale();
          break;
        case "denied":
          if (!options.isDeniedForNow) outlet.finish(new WatchError(topic, update.reason));
          else again ??= setTimeout(listen, listenAgainMs);
          break;
        case "closed":
          outlet.finish();
          break;
        default:
          update satisfies never;
      }
    };
    function listen(): void {
      again = undefined;
      listening?.close();
      listening = client.listen(topic, onUpdate);
    }
    listen();
    // The last message of a process that died is noticed by nothing else.
    const clock = setInterval(() => follower.stale(), readEveryMs);
    return {
      get last() {
        return follower.last;
      },
      close() {
        clearInterval(clock);
        clearTimeout(again);
        listening?.close();
        follower.close();
      },
    };
  }

  return {
    say: (where, text, options) => {
      const channel = where === "world" ? Channel.WORLD : Channel.LOCAL;
      return client.send(SaySchema, undefined, { channel, text }, options);
    },
    whisper(to, text, options) {
      const receiver =
        typeof to === "string"
          ? ({ case: "name", value: to } as const)
          : ({ case: "accountId", value: to } as const);
      return client.send(WhisperSchema, undefined, { to: receiver, text }, options);
    },
    history: (channel, page, options) =>
      client.send(GetHistorySchema, undefined, { ...page, channel }, options),
    whispers: (page, options) => client.send(GetWhispersSchema, undefined, page, options),
    async block(accountId, off = false, options) {
      const outcome = await client.send(BlockSchema, undefined, { accountId, off }, options);
      if (outcome.outcome === "applied") {
        if (off) blocked.delete(hexDigits(accountId));
        else blocked.add(hexDigits(accountId));
      }
      return outcome;
    },
    blocks: (options) => readBlocks(options),
    setWhispers: (on, options) => client.send(SetWhispersSchema, undefined, { off: !on }, options),
    report: ({ channel, seq }, reason, options) =>
      client.send(ReportSchema, undefined, { channel, seq, reason }, options),
    world({ signal, backlog = worldBacklog } = {}) {
      let followed: { close(): void } | undefined;
      const outlet = new Outlet<ChatUpdate>(signal, () => followed?.close());
      void begin(outlet, () => {
        const lines = Math.min(backlog, pageMax);
        followed = followTopic("world", "chat/world", {
          outlet,
          backlog: lines,
          isDeniedForNow: false,
        });
      });
      return outlet.iterator();
    },
    local(player, { signal, backlog = hexBacklog } = {}) {
      let ring: HexRing | undefined;
      const outlet = new Outlet<ChatUpdate>(signal, () => ring?.close());
      void begin(outlet, () => {
        ring = new HexRing(client, player, (key, last) =>
          followTopic(`hex/${keyText(key)}`, `chat/${keyText(key)}`, {
            outlet,
            backlog: Math.min(backlog, pageMax),
            last,
            isDeniedForNow: true,
          }),
        );
      });
      return outlet.iterator();
    },
    own({ signal } = {}) {
      let followed: { close(): void } | undefined;
      const outlet = new Outlet<OwnChatUpdate>(signal, () => followed?.close());
      void begin(outlet, () => {
        followed = followOwn(client, readHistory, (update) => {
          if (update.kind === "closed") outlet.finish();
          else if (update.kind === "muted" || !isHidden(update)) outlet.tell(update);
        });
      });
      return outlet.iterator();
    },
  };

  /** Begins a stream when it is known whom it hides. */
  async function begin(outlet: { readonly isFinished: boolean }, run: () => void): Promise<void> {
    await whenBlocksAreRead();
    if (!outlet.isFinished) run();
  }
}
