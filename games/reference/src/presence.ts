/**
 * Who is online. A player comes online by `enter`, under the session that sent it, and goes offline by `leave`, or when
 * the accounts service says that its sessions are gone. Session ids rise with time, so of two the greater one is the
 * newer: an `enter` of a newer session takes over what an older one has left, and the end of an older session does
 * nothing to a newer one.
 */
import { create } from "@bufbuild/protobuf";
import {
  type EndPresence,
  type Enter,
  EnterResultSchema,
  type Leave,
} from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { PlayerEnteredSchema, PlayerLeftSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import {
  applied,
  event,
  isDecision,
  playerIn,
  refused,
  residentOf,
  type Rule,
} from "./decision.ts";
import { compareIds } from "./sorted-ids.ts";

const noSession: Uint8Array = new Uint8Array(0);

export const enter: Rule<Enter> = ({ durable }, _command, context) => {
  const resident = residentOf(durable, context);
  if (isDecision(resident)) return resident;
  const sessionId = context.sessionId ?? noSession;
  if (resident.online && compareIds(sessionId, resident.sessionId) <= 0) {
    return refused("already-online");
  }
  const { playerId } = resident;
  const others = durable.residents.filter(
    (item) => item.online && compareIds(item.playerId, playerId) !== 0,
  );
  return applied(
    [event(PlayerEnteredSchema, { playerId, atMs: BigInt(context.nowMs), sessionId })],
    create(EnterResultSchema, { online: others.length + 1 }),
  );
};

export const leave: Rule<Leave> = ({ durable }, _command, context) => {
  const resident = residentOf(durable, context);
  if (isDecision(resident)) return resident;
  if (!resident.online) return refused("already-offline");
  return applied([
    event(PlayerLeftSchema, { playerId: resident.playerId, atMs: BigInt(context.nowMs) }),
  ]);
};

/** Never for a session that has been replaced: a newer one than those that are gone has entered. */
export const endPresence: Rule<EndPresence> = ({ durable }, { playerId, sessionId }, context) => {
  const resident = playerIn(durable, playerId);
  if (isDecision(resident)) return resident;
  if (!resident.online) return refused("already-offline");
  if (compareIds(resident.sessionId, sessionId) > 0) return refused("replaced");
  return applied([event(PlayerLeftSchema, { playerId, atMs: BigInt(context.nowMs) })]);
};
