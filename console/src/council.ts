/** Who owns the hex where the player lives, its elections, and the player's standing there. */
import { type Client, type CouncilState, createCouncil } from "@hexhold/client";
import type { Election, Ownership } from "@hexhold/gen/hexhold/governance/v1/commands_pb";
import { parseKeyText } from "@hexhold/hex";
import { effect, type ReadonlySignal, signal, untracked } from "@preact/signals";
import { follow } from "./follow.ts";

export interface CouncilSeen extends CouncilState {
  /** Key text. */
  readonly hex: string;
  /** Of the player: in this hex, and in the world. */
  readonly points: bigint;
  readonly worldPoints: bigint;
  /** The newest first. */
  readonly elections: readonly Election[];
  readonly owners: readonly Ownership[];
}

/** Undefined until it is known. */
export const council = signal<CouncilSeen | undefined>(undefined);

/** Who stands and how many have voted is announced by nobody: read this often while the player looks at it, and else. */
const openMs = 2_000;
const closedMs = 60_000;
const historyMax = 10;
const wanted = signal(0);

/** Reads it now: the player has stood or voted. */
export function readCouncilSoon(): void {
  wanted.value++;
}

export function forgetCouncil(): void {
  council.value = undefined;
}

/**
 * @param hex key text of the hex where the player lives
 * @param isOpen whether the player looks at its council
 */
export function followCouncil(
  client: Pick<Client<unknown>, "listen" | "send">,
  hex: ReadonlySignal<string>,
  isOpen: ReadonlySignal<boolean>,
): () => void {
  const service = createCouncil(client);
  return effect(() => {
    void wanted.value;
    const text = hex.value;
    const readEveryMs = isOpen.value ? openMs : closedMs;
    const key = parseKeyText(text);
    return untracked(() => {
      if (council.value?.hex !== text) council.value = undefined;
      let isOver = false;
      const take = async (state: CouncilState): Promise<void> => {
        const page = { limit: historyMax };
        const [reputation, elections, owners] = await Promise.all([
          service.reputation({ hex: text }, { ordered: false }),
          service.elections(key, page, { ordered: false }),
          service.ownership(key, page, { ordered: false }),
        ]);
        if (isOver) return;
        const before = council.value;
        const isKnown = reputation.outcome === "applied";
        council.value = {
          ...state,
          hex: text,
          points: isKnown ? (reputation.result.hexes[0]?.points ?? 0n) : (before?.points ?? 0n),
          worldPoints: isKnown ? reputation.result.worldPoints : (before?.worldPoints ?? 0n),
          elections:
            elections.outcome === "applied"
              ? elections.result.elections
              : (before?.elections ?? []),
          owners: owners.outcome === "applied" ? owners.result.ownerships : (before?.owners ?? []),
        };
      };
      const stop = follow(
        (signal) => service.watch(key, { signal, readEveryMs }),
        (state) => void take(state),
      );
      return () => {
        isOver = true;
        stop();
      };
    });
  });
}
