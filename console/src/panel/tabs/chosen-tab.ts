/** The tab that the player looks at, by its id; kept while the page is open. */
import { signal } from "@preact/signals";

export type TabId = "hex" | "market" | "council" | "bag" | "chat";

export const chosenTab = signal<TabId>("hex");
