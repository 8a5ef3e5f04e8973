/** What a rule of the kit is. */
import type { contracts } from "@hexhold/gen/hexhold/hex/v1/contracts";
import type { AnyEventOf, DecisionOn, ShapeOf } from "../contracts.ts";
import type { DecideContext } from "../game.ts";
import type { ResidenceState } from "./residence-state.ts";

type Commands = typeof contracts.commands;

/** What the game says of residence in one hex. */
export interface ResidenceRules {
  /**
   * Whether the hex takes no more residents. Those in transit may come back, so they count, all but `returning`, who
   * stand at the border.
   */
  isFull(state: ResidenceState, returning: number): boolean;
  readonly transferQueryMs: number;
  readonly transferAnswerKeepHours: number;
}

/** Decides commands of type `T`. */
export type ResidenceRule<T extends keyof Commands> = (
  state: ResidenceState,
  command: ShapeOf<Commands[T]>,
  context: DecideContext,
  rules: ResidenceRules,
) => DecisionOn<Commands[T], AnyEventOf<[typeof contracts]>>;
