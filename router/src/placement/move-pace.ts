/**
 * When the next slot may be moved to even out the load: one at a time, and the next when what its new owner serves is
 * served as fast as elsewhere. A worker that has just begun is slow, and a third of all slots at once would wait for it.
 *
 *   free ──a slot is asked back──▶ moving ──its new owner names it──▶ judged ──as fast as the others, or dead──▶ free
 */

/** Slower by so much than the others is slow; a load on the machine alone makes a third. */
const slowFactor = 1.5;
/** Faster than this is fast, whatever others need. */
const fastUs = 3_000;
/** A move that nobody has reported by then has failed. */
const movingMsMax = 10_000;
/** A machine may be slower than others for good: then it goes on all the same. */
const judgedMsMax = 20_000;

export interface MovePace {
  /** A slot was asked back, so that another worker gets it. */
  began(slot: string, nowMs: number): void;
  /** A heartbeat: what `holder` holds, and how long each took for a batch since the one before (0 = it had none). */
  heard(
    holder: string,
    held: readonly { readonly slot: string; readonly handlingUs: number }[],
    nowMs: number,
  ): void;
  /** The holder is dead or has left: nobody is compared with it or waits for it. */
  forget(holder: string): void;
  mayMove(nowMs: number): boolean;
}

type State =
  | { readonly mode: "free" }
  | {
      readonly mode: "moving";
      readonly slot: string;
      readonly from: string;
      readonly sinceMs: number;
    }
  | {
      readonly mode: "judged";
      readonly slot: string;
      readonly by: string;
      readonly sinceMs: number;
    };

export function createMovePace(): MovePace {
  let state: State = { mode: "free" };
  /** By holder: what it served when it was last heard. */
  const heardOf = new Map<string, { readonly slots: ReadonlySet<string>; readonly us: number }>();

  const holderOf = (slot: string): string =>
    [...heardOf].find(([, { slots }]) => slots.has(slot))?.[0] ?? "";

  /** Of the others, the mean of those that had anything to do; undefined = none had. */
  function elsewhereUs(holder: string): number | undefined {
    const others = [...heardOf].flatMap(([name, { us }]) =>
      name === holder || us === 0 ? [] : us,
    );
    return others.length === 0 ? undefined : mean(others);
  }

  function judge(holder: string): void {
    const { us = 0 } = heardOf.get(holder) ?? {};
    const elsewhere = elsewhereUs(holder);
    const isFast = us <= fastUs || elsewhere === undefined || us <= elsewhere * slowFactor;
    if (isFast) state = { mode: "free" };
  }

  return {
    began(slot, nowMs) {
      state = { mode: "moving", slot, from: holderOf(slot), sinceMs: nowMs };
    },
    heard(holder, held, nowMs) {
      const busy = held.flatMap(({ handlingUs }) => (handlingUs > 0 ? [handlingUs] : []));
      const slots = new Set(held.map(({ slot }) => slot));
      heardOf.set(holder, { slots, us: busy.length === 0 ? 0 : mean(busy) });
      if (state.mode === "moving" && holder !== state.from && slots.has(state.slot)) {
        // What it says now is of a time in which it had the slot for a moment, or not at all.
        state = { mode: "judged", slot: state.slot, by: holder, sinceMs: nowMs };
      } else if (state.mode === "judged" && holder === state.by) judge(holder);
    },
    forget(holder) {
      heardOf.delete(holder);
      if (state.mode === "judged" && state.by === holder) state = { mode: "free" };
    },
    mayMove(nowMs) {
      if (state.mode === "moving") return nowMs - state.sinceMs > movingMsMax;
      if (state.mode === "judged") return nowMs - state.sinceMs > judgedMsMax;
      return true;
    },
  };
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
