import type { Game } from "@hexhold/actor";
import { createRulesCore, type RulesCoreOptions } from "../rules-core.ts";
import type { RulesHost } from "../rules-host.ts";

/** Rules in the driver's own thread, for simulation and tests: a rule that loops blocks everything. */
export function createInlineRulesHost(game: Game, options: RulesCoreOptions): RulesHost {
  const core = createRulesCore(game, options);
  return {
    loaded: Promise.resolve(),
    generation: 1,
    load: (slot, hexes) => Promise.resolve(core.load(slot, hexes, () => undefined)),
    decide: (slot, moment, commands) =>
      Promise.resolve(core.decide(slot, moment, commands, () => undefined)),
    settle: (slot) => core.settle(slot),
    rollback: (slot) => core.rollback(slot),
    forget: (slot, keyTexts, keepVolatile) => core.forget(slot, keyTexts, keepVolatile),
    capture: (slot, keyTexts) => Promise.resolve(core.capture(slot, keyTexts, () => undefined)),
    stop: () => Promise.resolve(),
  };
}
