import { chat, unseen } from "../../chat.ts";
import type { Tab } from "../tabs/tab.ts";
import { BlockedCard } from "./blocked-card.tsx";
import { TalkCard } from "./talk-card.tsx";

/** What is said around the player, to the world and to it alone. */
export const chatTab: Tab = {
  id: "chat",
  title: "Chat",
  isShown: () => chat.value !== undefined,
  waiting() {
    const count = unseen.value;
    return { count, words: count === 1 ? "1 new whisper" : `${count} new whispers` };
  },
  Panel: ({ world }) => (
    <>
      <TalkCard world={world} />
      <BlockedCard />
    </>
  ),
};
