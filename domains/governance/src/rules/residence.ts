/** Where players live, as hexes say it: in any order, any number of times. Pure. */

/** `spawned` and `arrived` say since when; `entered` only that it lives there. */
export type HeardOf = "spawned" | "arrived" | "entered";

export interface Heard {
  /** UUID as text. */
  readonly account: string;
  /** Key text. */
  readonly hex: string;
  /** Transfers of its life so far: of two hexes the one with more of them is newer. */
  readonly number: bigint;
  readonly how: HeardOf;
  readonly atMs: number;
}

export interface Residence {
  readonly account: string;
  readonly hex: string;
  readonly number: bigint;
  readonly sinceMs: number;
  /** The hex has said when it came; else it was seen there then. */
  readonly isExact: boolean;
}

/** A player lives in one hex under each number, so what comes late and out of order tells no less. */
export function residenceAfter(known: Residence | undefined, heard: Heard): Residence {
  const { account, hex, number, atMs, how } = heard;
  const isExact = how !== "entered";
  const isNewer =
    known === undefined ||
    number > known.number ||
    (number === known.number && isExact && !known.isExact);
  if (!isNewer) return known;
  // Back from a hex that did not let it in: it has been here all the time.
  const isBack = !isExact && known?.hex === hex;
  return { account, hex, number, sinceMs: isBack ? known.sinceMs : atMs, isExact };
}
