/** A player of the reference game: what every world has, and the game's own commands by name. */
import { type Client, createPlayer, type OutcomeOf, type Player } from "@hexhold/client";
import type { SendOptions, TypesOf } from "@hexhold/client";
import {
  type Gather,
  GatherSchema,
  type HexView,
  type Move,
  MoveSchema,
} from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import type { contracts } from "@hexhold/gen/hexhold/reference/v1/contracts";
import type { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";

declare module "@hexhold/client" {
  interface CommandTypes extends TypesOf<typeof contracts.commands> {}
}

export interface ReferencePlayer<Observed = HexView> extends Player<Observed> {
  gather(
    resource: Resource,
    amount: number | bigint,
    options?: SendOptions,
  ): Promise<OutcomeOf<Gather>>;
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
    move: (x, y, onOutcome) =>
      player.sendLatest(MoveSchema, { x: Math.round(x), y: Math.round(y) }, onOutcome),
  };
}
