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

const nothing = { points: 0n, worldPoints: 0n, elections: [], owners: [] };

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
  /** What the lists of owners and elections were read for. */
  let listedFor = "";

  async function readStanding(hexText: string): Promise<Partial<CouncilSeen>> {
    const outcome = await service.reputation({ hex: hexText }, { ordered: false });
    if (outcome.outcome !== "applied") return {};
    const { hexes, worldPoints } = outcome.result;
    return { points: hexes[0]?.points ?? 0n, worldPoints };
  }

  async function readLists(hexText: string): Promise<Partial<CouncilSeen>> {
    const page = { limit: historyMax };
    const [elections, owners] = await Promise.all([
      service.elections(parseKeyText(hexText), page, { ordered: false }),
      service.ownership(parseKeyText(hexText), page, { ordered: false }),
    ]);
    if (elections.outcome !== "applied" || owners.outcome !== "applied") return {};
    return { elections: elections.result.elections, owners: owners.result.ownerships };
  }

  return effect(() => {
    void wanted.value;
    const text = hex.value;
    const readEveryMs = isOpen.value ? openMs : closedMs;
    const key = parseKeyText(text);
    return untracked(() => {
      if (council.value?.hex !== text) council.value = undefined;
      let isOver = false;
      const take = async (state: CouncilState): Promise<void> => {
        const listing = listingOf(text, state);
        const isListed = listing === listedFor && council.peek() !== undefined;
        const [standing, lists] = await Promise.all([
          readStanding(text),
          isListed ? {} : readLists(text),
        ]);
        if (isOver) return;
        if ("owners" in lists) listedFor = listing;
        council.value = {
          ...nothing,
          ...council.value,
          ...standing,
          ...lists,
          ...state,
          hex: text,
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

/** Lists of owners and elections are read again when this is another. */
function listingOf(hexText: string, { election, ownership }: CouncilState): string {
  const { election: id, state } = election?.election ?? {};
  return [hexText, id, state, ownership?.number].join();
}
