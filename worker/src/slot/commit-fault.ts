/** What a fault of `world.commit_batch` settles, and what is decided again. */
import { bytesText } from "@hexhold/messaging";
import { detailOf, worldState } from "@hexhold/postgres";
import type { Command } from "../actor/command.ts";
import type { HexTable } from "../actor/hex-table.ts";
import { findResults, pruneFloorDay } from "../journal/result-store.ts";
import { isDurable, type Round } from "./round.ts";
import type { SlotStore } from "./slot-store.ts";

export interface CommitFaultContext {
  readonly store: SlotStore;
  readonly table: HexTable;
  /** Drops hexes from memory; they are loaded again when they are needed. */
  readonly forget: (keyTexts: readonly string[]) => void;
  /**
   * A second line of defence fired: with the fence, nobody else moves a head. Resolves when the commands of
   * these hexes may be decided again.
   */
  readonly onStaleHead: (error: unknown, keyTexts: ReadonlySet<string>) => Promise<void>;
}

/**
 * Answers those of `commands` that the fault settles; returns the others. The batch was rolled back.
 * HX001 does not come here: it ends the slot.
 */
export async function afterCommitFault(
  state: string,
  error: unknown,
  commands: readonly Command[],
  round: Round,
  context: CommitFaultContext,
): Promise<Command[]> {
  switch (state) {
    case worldState.keyKnown: {
      const stored = await context.store.run((client) =>
        findResults(client, commands.filter(isDurable)),
      );
      return commands.filter((command) => {
        const known = stored.get(bytesText(command.idempotencyKey));
        if (known !== undefined) round.replay(command, known);
        return known === undefined;
      });
    }
    case worldState.belowFloor: {
      const floor = await context.store.run(pruneFloorDay);
      return commands.filter((command) => {
        const stale = command.fromClient && command.requestDay < floor;
        if (stale) round.failStale(command);
        return !stale;
      });
    }
    case worldState.keyMoved: {
      const gone = forgetNamed(error, context);
      return commands.filter((command) => {
        if (gone.has(command.keyText)) round.failMoved(command);
        return !gone.has(command.keyText);
      });
    }
    case worldState.epochBehind:
      await context.store.recover();
      return [...commands];
    default: {
      const named = forgetNamed(error, context);
      // None is named when the heads have changed once more since: whatever the batch rests on is read anew.
      const stale = named.size > 0 ? named : new Set(commands.map(({ keyText }) => keyText));
      if (named.size === 0) context.forget([...stale]);
      await context.onStaleHead(error, stale);
      return [...commands];
    }
  }
}

/** Forgets the hexes that a fault names as `hex_id.layer_id`; returns their key texts. */
function forgetNamed(error: unknown, { table, forget }: CommitFaultContext): Set<string> {
  const named = new Set(detailOf(error).split(","));
  const texts = new Set<string>();
  for (const hex of table) {
    if (named.has(`${hex.key.hexId}.${hex.key.layerId}`)) texts.add(hex.keyText);
  }
  forget([...texts]);
  return texts;
}
