import { create, type Message } from "@bufbuild/protobuf";
import type { DecideContext, DecidedEvent, Decision } from "@hexhold/actor";
import {
  type EndPresence,
  type Enter,
  type Gather,
  GatherResultSchema,
  HexViewSchema,
  type Leave,
  type Move,
  type Observe,
  SeenPlayerSchema,
  type Spawn,
  type Transfer,
} from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import {
  GatheredSchema,
  LevelRaisedSchema,
  PlayerMovedSchema,
  PlayerSpawnedSchema,
} from "@hexhold/gen/hexhold/hex/v1/events_pb";
import type { HexState } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import type { Fire } from "@hexhold/gen/hexhold/hex/v1/timer_pb";
import type { Arrive, CancelTransfer, EndTransfer } from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { applied, event, isDecision, isFull, refused, residentOf, type Rule } from "./decision.ts";
import { evolve, type ReferenceParts } from "./evolve.ts";
import { grown, type ReferenceOptions } from "./options.ts";
import { endPresence, enter, leave } from "./presence.ts";
import { compareIds, findById } from "./sorted-ids.ts";
import { msUntil, regrowthMs, stockAt, stocksAt } from "./stock.ts";
import {
  arrive,
  cancelTransfer,
  endTransfer,
  queryTransfer,
  transfer,
} from "./transfer/decide-transfer.ts";

/** Commands of the reference game, told apart by `$typeName`. */
export type HexCommand =
  | Spawn
  | Enter
  | Leave
  | EndPresence
  | Move
  | Gather
  | Observe
  | Transfer
  | Arrive
  | EndTransfer
  | CancelTransfer
  | Fire;

/** Decides `command`. Throws on a command it does not know. */
export function decide(
  parts: ReferenceParts,
  message: Message,
  context: DecideContext,
  options: ReferenceOptions,
): Decision {
  const command = message as HexCommand;
  switch (command.$typeName) {
    case "hexhold.hex.v1.Spawn":
      return spawn(parts, command, context, options);
    case "hexhold.hex.v1.Enter":
      return enter(parts, command, context, options);
    case "hexhold.hex.v1.Leave":
      return leave(parts, command, context, options);
    case "hexhold.hex.v1.EndPresence":
      return endPresence(parts, command, context, options);
    case "hexhold.hex.v1.Move":
      return move(parts, command, context, options);
    case "hexhold.hex.v1.Gather":
      return gather(parts, command, context, options);
    case "hexhold.hex.v1.Observe":
      return observe(parts, command, context, options);
    case "hexhold.hex.v1.Transfer":
      return transfer(parts, command, context, options);
    case "hexhold.hex.v1.Arrive":
      return arrive(parts, command, context, options);
    case "hexhold.hex.v1.EndTransfer":
      return endTransfer(parts, command, context, options);
    case "hexhold.hex.v1.CancelTransfer":
      return cancelTransfer(parts, command, context, options);
    case "hexhold.hex.v1.Fire":
      return queryTransfer(parts, command, context, options);
    default:
      throw new TypeError(`unknown command ${(command satisfies never as Message).$typeName}`);
  }
}

const spawn: Rule<Spawn> = ({ durable }, command, context, options) => {
  if (findById(durable.spawned, command.playerId, (id) => id) >= 0)
    return refused("already-spawned");
  if (isFull(durable, options)) return refused("hex-full");
  return applied([
    event(PlayerSpawnedSchema, { playerId: command.playerId, atMs: BigInt(context.nowMs) }),
  ]);
};

const move: Rule<Move> = ({ durable, volatile }, command, context) => {
  const resident = residentOf(durable, context);
  if (isDecision(resident)) return resident;
  if (!resident.online) return refused("offline");
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

const gather: Rule<Gather> = (parts, command, context, options) => {
  const { durable } = parts;
  const resident = residentOf(durable, context);
  if (isDecision(resident)) return resident;
  if (!resident.online) return refused("offline");
  const there = stockAt(durable, command.resource, context.nowMs, options);
  if (there < command.amount) {
    const grows = command.amount <= BigInt(options.stockCapacity);
    const wait = grows
      ? msUntil(durable, command.resource, command.amount, context.nowMs, options)
      : 0;
    return refused("depleted", Math.min(wait, 0x7fff_ffff));
  }
  const gathered = event(GatheredSchema, {
    playerId: resident.playerId,
    resource: command.resource,
    amount: command.amount,
    left: there - command.amount,
    atMs: BigInt(context.nowMs),
  });
  const result = create(GatherResultSchema, {
    amount: command.amount,
    left: there - command.amount,
  });
  const raised = levelRaised(evolve(parts, gathered.message).durable, context.nowMs, options);
  return applied(raised === undefined ? [gathered] : [gathered, raised], result);
};

const observe: Rule<Observe> = ({ durable, volatile }, _command, context, options) =>
  applied(
    [],
    create(HexViewSchema, {
      level: durable.level,
      xp: durable.xp,
      owner: durable.owner,
      stocks: stocksAt(durable, context.nowMs, options),
      players: durable.residents
        .filter((resident) => resident.online)
        .map(({ playerId }) => {
          const at = findById(volatile.positions, playerId, (position) => position.playerId);
          const { x = 0, y = 0 } = volatile.positions[at] ?? {};
          return create(SeenPlayerSchema, { playerId, x, y });
        }),
      population: durable.residents.length,
      nowMs: BigInt(context.nowMs),
      stockCapacity: BigInt(options.stockCapacity),
      regrowthMs: BigInt(regrowthMs(durable.level, options)),
    }),
  );

/** The event by which a hex that has learnt enough rises, by as many levels as it can pay. */
function levelRaised(
  state: HexState,
  nowMs: number,
  options: ReferenceOptions,
): DecidedEvent | undefined {
  let { level, xp } = state;
  for (;;) {
    const needed = BigInt(grown(options.levelBase, options.levelFactorPerMille, level));
    if (xp < needed) break;
    xp -= needed;
    level++;
  }
  if (level === state.level) return undefined;
  return event(LevelRaisedSchema, { level, xp, stocks: stocksAt(state, nowMs, options) });
}

/**
 * Whether a point lies in the regular hexagon of inradius 1000 whose sides face east and west:
 * |x| and |x/2 ± y·√3/2| are at most 1000, with 866/1000 for √3/2.
 */
function isInsideHex(x: number, y: number): boolean {
  const slant = 866 * Math.abs(y) + 500 * Math.abs(x);
  return Math.abs(x) <= 1000 && slant <= 1_000_000;
}
