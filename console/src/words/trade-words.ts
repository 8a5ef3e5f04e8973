/** Goods, items and offers in words. Pure. */
import { hexDigits } from "@hexhold/client";
import { type Item, OfferState, type TradeLine } from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import { documentLines } from "../document-lines.ts";
import { amountWords } from "./number-words.ts";
import { shownText } from "./shown-text.ts";

/** "5 wood, 1 plaque"; `items`: those whose kind is known. */
export function goodsWords(lines: readonly TradeLine[], items: readonly Item[]): string {
  if (lines.length === 0) return "nothing";
  return lines
    .map(({ asset, amount, itemId }) => {
      if (itemId.length === 0) return `${amountWords(amount)} ${asset}`;
      const id = hexDigits(itemId);
      const known = items.find((item) => hexDigits(item.itemId) === id);
      return known === undefined
        ? `an item (${id.slice(-6)})`
        : `1 ${shownText(known.kind)} (${id.slice(-6)})`;
    })
    .join(", ");
}

const states: Readonly<Record<number, string>> = {
  [OfferState.OPEN]: "open",
  [OfferState.ACCEPTED]: "accepted",
  [OfferState.WITHDRAWN]: "withdrawn",
  [OfferState.DECLINED]: "declined",
  [OfferState.EXPIRED]: "run out of time",
};

export function offerStateWords(state: OfferState): string {
  return states[state] ?? "ended";
}

const attributesShown = 4;

/** What an item says of itself: its attributes, when they are a document or text; empty = nothing that can be read. */
export function itemWords({ attributes }: Item): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(attributes);
  } catch {
    return "";
  }
  const document = documentLines(text);
  if (document === undefined) return shownText(Array.from(text).slice(0, 160).join(""));
  const lines = document.lines
    .filter(({ depth, value }) => depth === 0 && value !== undefined)
    .slice(0, attributesShown)
    .map(({ name, value }) => `${name}: ${value}`);
  return shownText(lines.join(", "));
}

/** A line of an offer that is being made. */
export interface DraftLine {
  /** An asset, or the hex digits of an item's id. */
  readonly what: string;
  /** As it was entered; of an item it does not count. */
  readonly amount: string;
}

export const linesMax = 8;

/** What is wrong with the amounts of an offer; undefined: nothing. */
export function lineFault(amount: bigint | undefined, has: bigint | undefined, asset: string) {
  if (amount === undefined || amount < 1n) {
    return `How much ${asset} is a whole number, 1 or more.`;
  }
  if (has !== undefined && amount > has) return `You have ${amountWords(has)} ${asset}.`;
  return undefined;
}
