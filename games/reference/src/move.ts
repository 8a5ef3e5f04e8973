/** Where a player stands inside its hex. Volatile: seen, and never journalled. */
import { applied, compareIds, event, findById, isRefused, refused, playerOf } from "@hexhold/actor";
import { PlayerMovedSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import type { ReferenceRule } from "./reference-parts.ts";

export const move: ReferenceRule<"cmd.hex.move"> = ({ durable, volatile }, command, context) => {
  const resident = playerOf(durable, context);
  if (isRefused(resident)) return resident;
  if (!isInsideHex(command.x, command.y)) return refused("outside-hex");
  const at = findById(volatile.positions, resident.playerId, (position) => position.playerId);
  const last = volatile.positions[at];
  const sessionId = context.sessionId ?? new Uint8Array(0);
  // Session ids rise with time: what comes from an older one is a straggler of its gateway.
  if (compareIds(resident.sessionId, sessionId) > 0) return refused("out-of-order");
  const order = last === undefined ? -1 : compareIds(last.sessionId, sessionId);
  if (order > 0 || (order === 0 && context.volatileSeq <= last!.volatileSeq)) {
    return refused("out-of-order");
  }
  return applied([
    event(PlayerMovedSchema, {
      playerId: resident.playerId,
      x: command.x,
      y: command.y,
      sessionId,
      volatileSeq: context.volatileSeq,
    }),
  ]);
};

/**
 * Whether a point lies in the regular hexagon of inradius 1000 whose sides face east and west:
 * |x| and |x/2 ± y·√3/2| are at most 1000, with 866/1000 for √3/2.
 */
function isInsideHex(x: number, y: number): boolean {
  const slant = 866 * Math.abs(y) + 500 * Math.abs(x);
  return Math.abs(x) <= 1000 && slant <= 1_000_000;
}
