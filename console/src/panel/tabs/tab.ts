import type { JSX } from "preact";
import type { World } from "../../world.ts";
import type { TabId } from "./chosen-tab.ts";

/** A part of the panel that is seen alone: one module each, listed in {@link tabs}. */
export interface Tab {
  readonly id: TabId;
  readonly title: string;
  /** Whether the world has what it shows, as far as is known. Reads signals. */
  readonly isShown: () => boolean;
  /** How much waits there for the player, and as what ("1 offer to you"); 0 = nothing. Reads signals. */
  readonly waiting?: () => { readonly count: number; readonly words: string };
  readonly Panel: (props: { readonly world: World }) => JSX.Element;
}
