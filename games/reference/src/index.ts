/** The reference game: residence and takes of the kits, stocks, levels, building sites, owners and taxes. Pure rules only. */
import { defineGame, type Game, residenceKit } from "@hexhold/actor";
import { contracts as ownership } from "@hexhold/gen/hexhold/ownership/v1/contracts";
import { contracts } from "@hexhold/gen/hexhold/reference/v1/contracts";
import {
  HexPresenceSchema,
  type HexState,
  HexStateSchema,
} from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { contributeWith, createTakes, withContributed } from "./contribute.ts";
import { landFormat, populationMax } from "./formulas.ts";
import { gatherWith, withGathered } from "./gather.ts";
import {
  creditOfContributed,
  creditOfFinished,
  creditOfGathered,
  creditOfStarted,
} from "./ledger.ts";
import { withLevel } from "./level.ts";
import { move } from "./move.ts";
import { checkOptions } from "./options.ts";
import { setOwner, withOwner } from "./owner.ts";
import { withoutPosition, withPosition } from "./positions.ts";
import { readable } from "./readable.ts";
import { samples } from "./samples.ts";
import {
  giveUpSiteWith,
  planSiteWith,
  siteTimers,
  withFinished,
  withoutSite,
  withPlanned,
} from "./sites.ts";
import { standingOfContributed, standingOfStarted } from "./standing.ts";
import { withStarted, withSupplied } from "./supply-site.ts";
import { setTaxWith, withTax } from "./tax.ts";
import { viewOf } from "./view-of.ts";

/** Makes the game; `options` are those of {@link defaultOptions}, each of which may be left out. */
export function createGame(given: unknown): Game {
  const options = checkOptions(given);
  const { transferQueryMs, transferAnswerKeepHours } = options;
  const residence = residenceKit<HexState, HexState>({
    // Its fields are among those of the state.
    of: (durable) => durable,
    with: (_before, durable) => durable,
    capacity: (durable) => populationMax(durable, options),
    transferQueryMs,
    transferAnswerKeepHours,
  });
  const takes = createTakes(options);
  return defineGame({
    name: "reference",
    version: "1.1.0",
    worldFormat: landFormat,
    contracts: [residence.contracts, takes.contracts, ownership, contracts],
    sends: takes.sends,
    durable: HexStateSchema,
    volatile: HexPresenceSchema,
    // 2: residents and transits know their session. 3: sites, takes, owners and taxes.
    stateFormat: 3,
    commands: {
      ...residence.commands,
      ...takes.commands,
      "cmd.hex.move": move,
      "cmd.hex.gather": gatherWith(options),
      "cmd.hex.contribute": contributeWith(takes),
      "cmd.hex.plan-site": planSiteWith(options),
      "cmd.hex.give-up-site": giveUpSiteWith(takes),
      "cmd.hex.set-tax": setTaxWith(options),
      "cmd.hex.set-owner": setOwner,
    },
    events: {
      ...residence.events,
      ...takes.events,
      // Observers see who enters in the middle, also one who was here under an older session.
      "evt.hex.player-entered": withoutPosition(residence.events["evt.hex.player-entered"]),
      "evt.hex.player-left": withoutPosition(residence.events["evt.hex.player-left"]),
      "evt.hex.player-departed": withoutPosition(residence.events["evt.hex.player-departed"]),
      "evt.hex.player-moved": withPosition,
      "evt.hex.gathered": withGathered,
      "evt.hex.level-raised": withLevel,
      "evt.hex.contributed": withContributed,
      "evt.hex.site-planned": withPlanned,
      "evt.hex.site-supplied": withSupplied,
      "evt.hex.site-started": withStarted,
      "evt.hex.site-finished": withFinished,
      "evt.hex.site-given-up": withoutSite,
      "evt.hex.tax-set": withTax,
      "evt.hex.owner-changed": withOwner,
    },
    timers: [residence.timers, takes.timers, siteTimers(options)],
    view: (state, context) => viewOf(state, context, options),
    readable,
    ledger: {
      "evt.hex.gathered": creditOfGathered,
      "evt.hex.contributed": creditOfContributed,
      "evt.hex.site-started": creditOfStarted,
      "evt.hex.site-finished": creditOfFinished,
    },
    standing: {
      "evt.hex.contributed": standingOfContributed,
      "evt.hex.site-started": standingOfStarted,
    },
    samples,
  });
}

export { samples } from "./samples.ts";
export { defaultOptions, type ReferenceOptions } from "./options.ts";
