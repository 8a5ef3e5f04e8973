/** What a hex learns, and how it rises. */
import { type DecideContext, type DecidedEvent, event } from "@hexhold/actor";
import { type LevelRaised, LevelRaisedSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import type { HexState } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { growthOf, xpForNextLevel } from "./formulas.ts";
import type { ReferenceOptions } from "./options.ts";
import type { ReferenceParts } from "./reference-parts.ts";
import { stocksAt, withStock } from "./stock.ts";

/** So many levels a hex rises by one command; what is left is counted with the next. */
const levelsAtOnceMax = 64;

/** The event by which a hex that has learnt enough rises, by as many levels as it can pay. */
export function levelRaised(
  state: HexState,
  context: DecideContext,
  options: ReferenceOptions,
): readonly DecidedEvent<LevelRaised>[] {
  let { level, xp } = state;
  while (level < state.level + levelsAtOnceMax) {
    const needed = xpForNextLevel(level, options);
    if (xp < needed) break;
    xp -= needed;
    level++;
  }
  if (level === state.level) return [];
  // At the pace of the old level.
  const stocks = stocksAt(state.stocks, context.nowMs, growthOf(state, context, options));
  return [event(LevelRaisedSchema, { level, xp, stocks })];
}

/** A new level begins with the stocks as they stood: from now on they grow at another pace. */
export function withLevel(
  { durable, volatile }: ReferenceParts,
  { level, xp, stocks }: LevelRaised,
): ReferenceParts {
  return {
    durable: { ...durable, level, xp, stocks: stocks.reduce(withStock, durable.stocks) },
    volatile,
  };
}
