/** A player of the reference game: what every world has, and the game's own commands by name. */
import { type Client, createPlayer, type OutcomeOf, type Player } from "@hexhold/client";
import type { SendOptions, TypesOf } from "@hexhold/client";
import {
  type Contribute,
  ContributeSchema,
  type Gather,
  GatherSchema,
  type GiveUpSite,
  GiveUpSiteSchema,
  type HexView,
  type Move,
  MoveSchema,
  type PlanSite,
  PlanSiteSchema,
  type SetTax,
  SetTaxSchema,
} from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import type { contracts } from "@hexhold/gen/hexhold/reference/v1/contracts";
import type { Resource, SiteKind } from "@hexhold/gen/hexhold/reference/v1/state_pb";

declare module "@hexhold/client" {
  interface CommandTypes extends TypesOf<typeof contracts.commands> {}
}

const noSite = new Uint8Array(0);

export interface ReferencePlayer<Observed = HexView> extends Player<Observed> {
  gather(
    resource: Resource,
    amount: number | bigint,
    options?: SendOptions,
  ): Promise<OutcomeOf<Gather>>;
  /**
   * Gives goods to the hex, or to its open site. Applied = the inventory is asked for them; whether it had them is seen
   * in the hex, and in the balance.
   */
  contribute(
    resource: Resource,
    amount: number | bigint,
    siteId?: Uint8Array,
    options?: SendOptions,
  ): Promise<OutcomeOf<Contribute>>;
  /** Opens a building site: of an owner, or the first one of a hex that nobody owns. */
  planSite(kind: SiteKind, options?: SendOptions): Promise<OutcomeOf<PlanSite>>;
  /** Gives up a site whose needs are not met: all that was brought goes back. */
  giveUpSite(siteId: Uint8Array, options?: SendOptions): Promise<OutcomeOf<GiveUpSite>>;
  /** Sets what the owner gets of what others gather, in thousandths, from some minutes later on. */
  setTax(ratePerMille: number, options?: SendOptions): Promise<OutcomeOf<SetTax>>;
  /**
   * Walks to a place, in thousandths of the hex's inradius along the hex's own axes. Fire and forget, the newest place
   * counts; `onOutcome` hears of the moves that were sent.
   */
  move(x: number, y: number, onOutcome?: (outcome: OutcomeOf<Move>) => void): void;
}

/** Makes the player of a client that is welcome. Throws when the server named no hex where it lives. */
export function createReferencePlayer<Observed>(
  client: Client<unknown, Observed>,
): ReferencePlayer<Observed> {
  const player = createPlayer(client);
  return {
    ...player,
    get key() {
      return player.key;
    },
    gather: (resource, amount, options) =>
      player.send(GatherSchema, { resource, amount: BigInt(amount) }, options),
    contribute: (resource, amount, siteId = noSite, options) =>
      player.send(ContributeSchema, { resource, amount: BigInt(amount), siteId }, options),
    planSite: (kind, options) => player.send(PlanSiteSchema, { kind }, options),
    giveUpSite: (siteId, options) => player.send(GiveUpSiteSchema, { siteId }, options),
    setTax: (ratePerMille, options) => player.send(SetTaxSchema, { ratePerMille }, options),
    move: (x, y, onOutcome) =>
      player.sendLatest(MoveSchema, { x: Math.round(x), y: Math.round(y) }, onOutcome),
  };
}
