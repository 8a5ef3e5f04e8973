/** Positions of players inside their hex: the volatile part of its state. */
import { create, type Message } from "@bufbuild/protobuf";
import { withItem, withoutId } from "@hexhold/actor";
import type { PlayerMoved } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { type Position, PositionSchema } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import type { ReferenceParts } from "./reference-parts.ts";

const idOf = (position: Position): Uint8Array => position.playerId;

export function withPosition(
  { durable, volatile }: ReferenceParts,
  event: PlayerMoved,
): ReferenceParts {
  const { playerId, x, y, sessionId, volatileSeq } = event;
  const position = create(PositionSchema, { playerId, x, y, sessionId, volatileSeq });
  return {
    durable,
    volatile: { ...volatile, positions: withItem(volatile.positions, position, idOf) },
  };
}

/** What `evolve` makes of the state, without the position of the event's player. */
export function withoutPosition<E extends Message & { readonly playerId: Uint8Array }>(
  evolve: (state: ReferenceParts, event: E) => ReferenceParts,
): (state: ReferenceParts, event: E) => ReferenceParts {
  return (state, event) => {
    const { durable, volatile } = evolve(state, event);
    const positions = withoutId(volatile.positions, event.playerId, idOf);
    return { durable, volatile: { ...volatile, positions } };
  };
}
