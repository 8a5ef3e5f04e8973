/** What a new worker plays until it is fast. */
import { type Sample, sample } from "@hexhold/actor";
import {
  EnterSchema,
  LeaveSchema,
  ObserveSchema,
  SpawnSchema,
} from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import {
  ContributeSchema,
  GatherSchema,
  MoveSchema,
} from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";

/** A player is born, comes online, gathers, moves, looks, gives, and goes. */
export function samples(playerId: Uint8Array): readonly Sample[] {
  const gather = sample(GatherSchema, { resource: Resource.WOOD, amount: 1n });
  const move = (volatileSeq: bigint): Sample => ({
    ...sample(MoveSchema, { x: 10, y: -10 }),
    volatileSeq,
  });
  return [
    sample(SpawnSchema, { playerId }),
    sample(EnterSchema, {}),
    gather,
    move(1n),
    gather,
    sample(ObserveSchema, {}),
    move(2n),
    gather,
    sample(ContributeSchema, { resource: Resource.WOOD, amount: 1n }),
    sample(LeaveSchema, {}),
  ];
}
