/**
 * The reference game in which everybody may gather everywhere: the bench sends from 32 sockets to 2,000
 * hexes, and a player lives in one. All other rules, and their cost, are as they are.
 */
import { create } from "@bufbuild/protobuf";
import type { Game } from "@hexhold/actor";
import { ResidentSchema } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import { type HexState } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { createGame as createReferenceGame } from "@hexhold/reference-game";

export function createGame(options: unknown): Game {
  const game = createReferenceGame(options);
  return {
    ...game,
    hex: {
      ...game.hex,
      decide(state, command, context) {
        if (
          command.$typeName !== "hexhold.reference.v1.Gather" ||
          context.accountId === undefined
        ) {
          return game.hex.decide(state, command, context);
        }
        const durable = state.durable as HexState;
        const resident = create(ResidentSchema, { playerId: context.accountId, online: true });
        const everywhere: HexState = { ...durable, residents: [resident] };
        return game.hex.decide({ ...state, durable: everywhere }, command, context);
      },
    },
  };
}
