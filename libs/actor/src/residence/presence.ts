/**
 * Who lives here and who is online. A player comes online by `enter`, under the session that sent it, and goes offline by `leave`, or when
 * the accounts service says that its sessions are gone. Session ids rise with time, so of two the greater one is the
 * newer: an `enter` of a newer session takes over what an older one has left, and the end of an older session does
 * nothing to a newer one.
 */
import { create } from "@bufbuild/protobuf";
import { EnterResultSchema, LocateResultSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import {
  PlayerEnteredSchema,
  PlayerLeftSchema,
  PlayerSpawnedSchema,
} from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { applied, event, refused } from "../decision.ts";
import { compareIds, findById } from "../sorted-ids.ts";
import type { ResidenceRule } from "./residence-rules.ts";
import { isRefused, playerIn, residentOf } from "./residence-state.ts";

const noSession: Uint8Array = new Uint8Array(0);

export const spawn: ResidenceRule<"cmd.hex.spawn"> = (state, { playerId }, context, rules) => {
  if (findById(state.spawned, playerId, (id) => id) >= 0) return refused("already-spawned");
  if (rules.isFull(state, 0)) return refused("hex-full");
  return applied([event(PlayerSpawnedSchema, { playerId, atMs: BigInt(context.nowMs) })]);
};

export const enter: ResidenceRule<"cmd.hex.enter"> = (state, _command, context) => {
  const resident = residentOf(state, context);
  if (isRefused(resident)) return resident;
  const sessionId = context.sessionId ?? noSession;
  if (resident.online && compareIds(sessionId, resident.sessionId) <= 0) {
    return refused("already-online");
  }
  const { playerId, transfers: number } = resident;
  const others = state.residents.filter(
    (item) => item.online && compareIds(item.playerId, playerId) !== 0,
  );
  return applied(
    [event(PlayerEnteredSchema, { playerId, atMs: BigInt(context.nowMs), sessionId, number })],
    create(EnterResultSchema, { online: others.length + 1 }),
  );
};

export const leave: ResidenceRule<"cmd.hex.leave"> = (state, _command, context) => {
  const resident = residentOf(state, context);
  if (isRefused(resident)) return resident;
  if (!resident.online) return refused("already-offline");
  return applied([
    event(PlayerLeftSchema, { playerId: resident.playerId, atMs: BigInt(context.nowMs) }),
  ]);
};

/** Never for a session that has been replaced: a newer one than those that are gone has entered. */
export const endPresence: ResidenceRule<"cmd.hex.end-presence"> = (
  state,
  { playerId, sessionId },
  context,
) => {
  const resident = playerIn(state, playerId);
  if (isRefused(resident)) return resident;
  if (!resident.online) return refused("already-offline");
  if (compareIds(resident.sessionId, sessionId) > 0) return refused("replaced");
  return applied([event(PlayerLeftSchema, { playerId, atMs: BigInt(context.nowMs) })]);
};

export const locate: ResidenceRule<"cmd.hex.locate"> = (state, _command, context) => {
  const resident = residentOf(state, context);
  if (isRefused(resident)) return resident;
  const { online, transfers } = resident;
  return applied([], create(LocateResultSchema, { online, transfers }));
};
