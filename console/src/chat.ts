/** What is said around the player, to the world and to it alone, as far as the page has heard. */
import {
  type BlockList,
  type Chat,
  type ChatLine,
  type Client,
  createChat,
  hexDigits,
  type OwnChatUpdate,
  uuidText,
} from "@hexhold/client";
import type { Partner } from "@hexhold/gen/hexhold/chat/v1/commands_pb";
import type { Key } from "@hexhold/hex";
import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import { follow } from "./follow.ts";
import { paced } from "./paced.ts";

export type Room = "local" | "world" | "whispers";

export const room = signal<Room>("local");
/** Undefined until the service has answered, and in a world without it for ever. */
export const chat = signal<Chat | undefined>(undefined);
export const blockList = signal<BlockList>({ blocked: [], whispersOff: false });
/** With whom the player has whispered, the newest first. */
export const partners = signal<readonly Partner[]>([]);
/** With whom the whispers are shown. */
export const partner = signal<Uint8Array | undefined>(undefined);
/** Whispers to the player that it has not seen. */
export const unseen = signal(0);
/** Until when the player is muted, world time; 0 = it is not. */
export const mutedUntilMs = signal(0);

/** Lines of a room that are kept. */
const linesMax = 150;
const pauseMs = 500;
/** Before a service that does not answer is asked again. */
const againMs = 5_000;

const heard = signal<Readonly<Record<Room, readonly ChatLine[]>>>({
  local: [],
  world: [],
  whispers: [],
});

/** Of the room that is looked at, the oldest first; lines of blocked accounts left out. */
export const lines = computed<readonly ChatLine[]>(() => {
  const blocked = new Set(blockList.value.blocked.map(({ accountId }) => hexDigits(accountId)));
  const shown = heard.value[room.value].filter(
    ({ accountId }) => !blocked.has(hexDigits(accountId)),
  );
  if (room.value !== "whispers") return shown;
  const chosen = partner.value;
  if (chosen === undefined) return [];
  return shown.filter(({ channel }) => channel.includes(uuidText(chosen)));
});

export function forgetChat(): void {
  room.value = "local";
  chat.value = undefined;
  blockList.value = { blocked: [], whispersOff: false };
  partners.value = [];
  partner.value = undefined;
  unseen.value = 0;
  mutedUntilMs.value = 0;
  heard.value = { local: [], world: [], whispers: [] };
}

/** Reads again whom the player has blocked. */
export async function readBlocks(): Promise<void> {
  const list = await chat
    .peek()
    ?.blocks()
    .catch(() => undefined);
  if (list !== undefined) blockList.value = list;
}

/**
 * @param player where it lives, as it walks
 * @param isOpen whether the player looks at the chat
 */
export function followChat(
  client: Pick<Client<unknown>, "listen" | "send" | "subscribe">,
  player: { readonly key: Key },
  { self, isOpen }: { readonly self: string; readonly isOpen: ReadonlySignal<boolean> },
): () => void {
  const service = createChat(client);
  const stops: (() => void)[] = [];
  let isStopped = false;

  function take(into: Room, update: OwnChatUpdate): void {
    if (update.kind === "muted") {
      mutedUntilMs.value = update.untilMs;
      return;
    }
    if (update.kind === "skipped") return;
    const { channel, seq } = update;
    const before = heard.value[into];
    const isSame = (line: ChatLine): boolean => line.channel === channel && line.seq === seq;
    if (update.kind === "removed") {
      const gone = before.map((line) =>
        isSame(line) ? { ...line, text: "", isRemoved: true } : line,
      );
      heard.value = { ...heard.value, [into]: gone };
      return;
    }
    const all = [...before.filter((line) => !isSame(line)), update];
    // Of several channels each is in order; together they are by time.
    const sorted = all.toSorted((a, b) => a.atMs - b.atMs || Number(a.seq - b.seq));
    heard.value = { ...heard.value, [into]: sorted.slice(-linesMax) };
  }

  const readPartners = paced(async () => {
    const outcome = await service.whispers({ limit: 50 }, { ordered: false });
    if (outcome.outcome === "applied" && !isStopped) partners.value = outcome.result.partners;
  }, pauseMs);

  /** What was whispered with the chosen one before. */
  async function readWhispers(account: Uint8Array): Promise<void> {
    const channel = `whisper/${[self, uuidText(account)].toSorted().join("/")}`;
    const outcome = await service.history(channel, {}, { ordered: false });
    if (outcome.outcome !== "applied" || isStopped) return;
    for (const message of outcome.result.messages) {
      const { seq, accountId, name, text, atMs, removed: isRemoved } = message;
      const line = { channel, seq, accountId, name, text, atMs: Number(atMs), isRemoved };
      take("whispers", { kind: "said", ...line });
    }
  }

  function begin(list: BlockList): void {
    blockList.value = list;
    chat.value = service;
    readPartners();
    stops.push(
      follow(
        (ending) => service.local(player, { signal: ending }),
        (update) => take("local", update),
      ),
      follow(
        (ending) => service.world({ signal: ending }),
        (update) => take("world", update),
      ),
      follow(
        (ending) => service.own({ signal: ending }),
        (update) => {
          take("whispers", update);
          if (update.kind !== "said") return;
          readPartners();
          const isLooked = isOpen.peek() && room.peek() === "whispers";
          if (uuidText(update.accountId) !== self && !isLooked) unseen.value++;
        },
      ),
      effect(() => {
        const account = partner.value;
        if (account !== undefined) void readWhispers(account);
      }),
      effect(() => {
        if (isOpen.value && room.value === "whispers") unseen.value = 0;
      }),
    );
  }

  void (async () => {
    while (!isStopped) {
      const list = await service.blocks().catch(() => undefined);
      if (isStopped) return;
      if (list !== undefined) {
        begin(list);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, againMs));
    }
  })();
  return () => {
    isStopped = true;
    for (const stop of stops) stop();
  };
}
