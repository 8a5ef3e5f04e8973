import { bagTab } from "../bag/bag-tab.tsx";
import { chatTab } from "../chat/chat-tab.tsx";
import { councilTab } from "../council/council-tab.tsx";
import { hexTab } from "../hex/hex-tab.tsx";
import { marketTab } from "../market/market-tab.tsx";
import type { Tab } from "./tab.ts";

/** In the order in which they are shown. The first one is always there. */
export const tabs: readonly Tab[] = [hexTab, marketTab, councilTab, bagTab, chatTab];
