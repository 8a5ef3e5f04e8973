/** A bot that listens: what others say, where it is and to the world. */
import { compareBytes, createChat } from "@hexhold/client";
import type { Life } from "./life.ts";

/** Of a message: `<channel> <seq>`. */
export type Heard = (message: string) => void;

/**
 * Follows the world's channel and those around until the bot stops; `heard` is told of each message of somebody else,
 * once. Where there is no chat it ends at once.
 */
export function listen(
  {
    client,
    player,
    accountId,
    stopping,
  }: Pick<Life, "client" | "player" | "accountId" | "stopping">,
  heard: Heard,
): void {
  const chat = createChat(client);
  const options = { signal: stopping, backlog: 0 };
  for (const stream of [chat.world(options), chat.local(player, options)]) {
    void (async () => {
      for await (const update of stream) {
        if (update.kind !== "said" || compareBytes(update.accountId, accountId) === 0) continue;
        heard(`${update.channel} ${update.seq}`);
      }
      // A world without chat has bots all the same.
    })().catch(() => undefined);
  }
}
