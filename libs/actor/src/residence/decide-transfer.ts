/**
 * A player walks between two hexes: the steps of docs/models, Transfer. A transfer is named by the player and a
 * number that rises by one with each of its transfers, so that of two of them everybody knows which is older.
 *
 * Origin: `Transfer` (Start) → in transit → `EndTransfer` (HandleArrived, HandleRefused). It never ends a transit
 * by itself: a timer asks the destination (AskCancel).
 * Destination: `Arrive` (HandleArrive) and `CancelTransfer` (HandleCancel) are answered once, by the rules, and
 * from the record ever after.
 */
import { create } from "@bufbuild/protobuf";
import { TransferResultSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { type TransferAnswer, TransferEnd } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import {
  type Arrive,
  ArriveSchema,
  type ArrivalRefused,
  ArrivalRefusedSchema,
  CancelTransferSchema,
  EndTransferSchema,
  PlayerArrivedSchema,
  PlayerDepartedSchema,
  PlayerReturnedSchema,
  TransferAnsweredSchema,
  TransferCompletedSchema,
  TransferQueriedSchema,
} from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { areNeighbours } from "@hexhold/hex";
import type { Applied } from "../contracts.ts";
import { applied, commandTo, event, refused } from "../decision.ts";
import type { DecideContext, OutgoingCommand } from "../game.ts";
import { findById } from "../sorted-ids.ts";
import type { ResidenceRule, ResidenceRules } from "./residence-rules.ts";
import { isRefused, type ResidenceState, playerOf, transitOf } from "./residence-state.ts";
import { timerOf } from "./transfer-timers.ts";

/** Longest time between two questions to a destination that does not answer. */
const queryMsMax = 300_000;

/** Origin: leaving is one commit with the message to the destination. */
export const transfer: ResidenceRule<"cmd.hex.transfer"> = (state, command, context, rules) => {
  const resident = playerOf(state, context);
  if (isRefused(resident)) return resident;
  const to = { hexId: command.toHexId, layerId: command.toLayerId };
  if (to.layerId !== context.key.layerId || !areNeighbours(context.key.hexId, to.hexId)) {
    return refused("not-adjacent");
  }
  if (!context.isInWorld(to)) return refused("outside-world");
  const { playerId, online, sessionId } = resident;
  const number = resident.transfers + 1n;
  const atMs = BigInt(context.nowMs);
  const departed = event(PlayerDepartedSchema, {
    playerId,
    number,
    toHexId: to.hexId,
    toLayerId: to.layerId,
    online,
    sessionId,
    atMs,
    ...armed(context, rules.transferQueryMs),
  });
  const arrive = commandTo(to, ArriveSchema, {
    playerId,
    number,
    fromHexId: context.key.hexId,
    fromLayerId: context.key.layerId,
    online,
    sessionId,
    departedMs: atMs,
  });
  return applied([departed], create(TransferResultSchema, { number }), [arrive]);
};

/** Destination: the first time by the rules, afterwards the record stands. */
export const arrive: ResidenceRule<"cmd.hex.arrive"> = (state, command, context, rules) => {
  const answer = answerTo(state, command);
  if (answer === "stale") return refused("stale-transfer");
  // What was answered is in the outbox, which loses nothing.
  if (answer !== undefined) return refused("already-answered");
  // A player that is still leaving under an earlier number was let in there: its arrival here says so.
  const returning = transitOf(state, command.playerId) === undefined ? 0 : 1;
  if (rules.isFull(state, returning)) return refuse(command, "hex-full", context, rules);
  const { playerId, number, fromHexId, fromLayerId, online, sessionId, departedMs } = command;
  const arrived = event(PlayerArrivedSchema, {
    playerId,
    number,
    fromHexId,
    fromLayerId,
    online,
    sessionId,
    departedMs,
    atMs: BigInt(context.nowMs),
    forgetBeforeMs: forgetBeforeMs(context, rules),
  });
  return applied([arrived], undefined, [end(command, TransferEnd.ARRIVED)]);
};

/** Destination: answered from the record, or a refusal is recorded, which a late `Arrive` finds. */
export const cancelTransfer: ResidenceRule<"cmd.hex.cancel-transfer"> = (
  state,
  command,
  context,
  rules,
) => {
  const answer = answerTo(state, command);
  if (answer === "stale") return refused("stale-transfer");
  if (answer === undefined) return refuse(command, "cancelled", context, rules);
  const { playerId, number } = command;
  const again = event(TransferAnsweredSchema, { playerId, number, atMs: BigInt(context.nowMs) });
  return applied([again], undefined, [end(command, answer.end, answer.reason)]);
};

/** Origin: only the transfer that is under way counts. */
export const endTransfer: ResidenceRule<"cmd.hex.end-transfer"> = (state, command, context) => {
  const { playerId, number, reason } = command;
  const transit = transitOf(state, playerId);
  if (transit?.number !== number) return refused("not-under-way");
  const atMs = BigInt(context.nowMs);
  const { online, sessionId } = transit;
  return applied([
    command.end === TransferEnd.ARRIVED
      ? event(TransferCompletedSchema, { playerId, number, atMs })
      : event(PlayerReturnedSchema, { playerId, number, online, sessionId, reason, atMs }),
  ]);
};

/** Origin: no answer yet. It asks, and asks again ever more rarely; it never takes the player back by itself. */
export const queryTransfer: ResidenceRule<"cmd.hex.fire"> = (state, { timer }, context, rules) => {
  const transit = state.transits.find((leaving) => timerOf(leaving.playerId) === timer);
  if (transit === undefined) return refused("not-armed");
  const { playerId, number, departedMs } = transit;
  const waitMs = Math.min(rules.transferQueryMs * 2 ** (transit.asked + 1), queryMsMax);
  const queried = event(TransferQueriedSchema, {
    playerId,
    number,
    atMs: BigInt(context.nowMs),
    ...armed(context, waitMs),
  });
  const to = { hexId: transit.toHexId, layerId: transit.toLayerId };
  const cancel = commandTo(to, CancelTransferSchema, {
    playerId,
    number,
    fromHexId: context.key.hexId,
    fromLayerId: context.key.layerId,
    departedMs,
  });
  return applied([queried], undefined, [cancel]);
};

/** What names a transfer in a message to its destination. */
type Named = Pick<Arrive, "playerId" | "number" | "fromHexId" | "fromLayerId" | "departedMs">;

/**
 * What this hex has answered; `stale` when it answered, or may have, and the record is gone. That answer went out
 * with its commit, so nothing is said now, least of all a refusal.
 */
function answerTo(state: ResidenceState, transfer: Named): TransferAnswer | "stale" | undefined {
  const { transferAnswers } = state;
  const at = findById(transferAnswers, transfer.playerId, (answer) => answer.playerId);
  const answer = transferAnswers[at];
  if (answer === undefined) {
    return transfer.departedMs <= state.answersFloorMs ? "stale" : undefined;
  }
  if (answer.number === transfer.number) return answer;
  // A later one was answered: the player could start it only when this one had ended.
  return answer.number > transfer.number ? "stale" : undefined;
}

function refuse(
  transfer: Named,
  reason: string,
  context: DecideContext,
  rules: ResidenceRules,
): Applied<ArrivalRefused, undefined> {
  const { playerId, number, departedMs } = transfer;
  const refusal = event(ArrivalRefusedSchema, {
    playerId,
    number,
    reason,
    departedMs,
    atMs: BigInt(context.nowMs),
    forgetBeforeMs: forgetBeforeMs(context, rules),
  });
  return applied([refusal], undefined, [end(transfer, TransferEnd.REFUSED, reason)]);
}

function end(transfer: Named, how: TransferEnd, reason = ""): OutgoingCommand {
  const { playerId, number, fromHexId, fromLayerId } = transfer;
  const from = { hexId: fromHexId, layerId: fromLayerId };
  return commandTo(from, EndTransferSchema, { playerId, number, end: how, reason });
}

function armed(context: DecideContext, afterMs: number): { dueMs: bigint; armedVersion: bigint } {
  return {
    dueMs: BigInt(context.nowMs + afterMs),
    armedVersion: BigInt(context.hexVersion + 1),
  };
}

function forgetBeforeMs(context: DecideContext, rules: ResidenceRules): bigint {
  return BigInt(Math.max(context.nowMs - rules.transferAnswerKeepHours * 3_600_000, 0));
}
