/**
 * The pure step of an actor: state and command in, next state and effects out, as data. It never awaits,
 * mints no ids and touches nothing; the driver (in the worker) commits, answers and publishes.
 */
import { fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { type Fire, FireSchema } from "@hexhold/gen/hexhold/hex/v1/timer_pb";
import { Durability } from "@hexhold/gen/hexhold/options/v1/options_pb";
import type { Key } from "@hexhold/hex";
import type {
  Aggregate,
  ArmedTimer,
  DecideContext,
  Decision,
  HexParts,
  OutgoingCommand,
} from "./game.ts";

/** An actor in memory. */
export interface ActorState {
  readonly key: Key;
  readonly parts: HexParts<Message, Message>;
  /** Events journalled so far. */
  readonly hexVersion: number;
  /** VOLATILE commands applied so far. */
  readonly volatileCount: number;
  /** Number of the last thing that observers saw in this activation. */
  readonly viewSeq: number;
  /** When the last journalled event was decided; Unix milliseconds. */
  readonly decidedMs: number;
}

/** What the step must know of a message type; a part of the registry's entry. */
export interface MessageContractView {
  readonly type: string;
  readonly messageVersion: number;
  readonly durability: Durability;
  readonly refusals: ReadonlySet<string>;
  readonly schema: GenMessage<Message>;
  readonly resultSchema: GenMessage<Message> | undefined;
  readonly refusalDetailSchema: GenMessage<Message> | undefined;
}

export interface StepCommand {
  readonly contract: MessageContractView;
  readonly message: Message;
  readonly context: DecideContext;
}

/** A timer that a command armed, or anew, or disarmed. */
export interface TimerChange {
  readonly timer: string;
  /** Undefined = disarmed. */
  readonly armed: Omit<ArmedTimer, "timer"> | undefined;
}

/** An event as it is journalled and shown. */
export interface EncodedEvent {
  readonly type: string;
  readonly messageVersion: number;
  readonly payload: Uint8Array;
  readonly consumers: readonly string[];
  /** Number for observers. */
  readonly viewSeq: number;
  /** Version of the hex after it; unchanged for volatile ones. */
  readonly hexVersion: number;
}

/** What one command came to. */
export type StepOutcome =
  | {
      readonly kind: "applied";
      readonly result: Uint8Array;
      readonly events: readonly EncodedEvent[];
      readonly messages: readonly OutgoingCommand[];
      readonly timers: readonly TimerChange[];
    }
  | {
      readonly kind: "refused";
      readonly reason: string;
      readonly retryAfterMs: number;
      readonly detail: Uint8Array;
    };

export interface Step {
  readonly actor: ActorState;
  readonly outcome: StepOutcome;
}

/** The rules broke their contract. The command is charged for it, as for a throw. */
export class RulesContractError extends Error {
  readonly code = "RULES_CONTRACT";
  constructor(type: string, what: string) {
    super(`rules of ${type}: ${what}`);
    this.name = "RulesContractError";
  }
}

/** Finds type, version and consumers of an event by its schema. */
export type EventTypeOf = (schema: GenMessage<Message>) => {
  readonly type: string;
  readonly messageVersion: number;
  readonly consumers: readonly string[];
};

const noBytes = new Uint8Array(0);

/** A hex that nothing has happened in. */
export function initialActor(aggregate: Aggregate, key: Key): ActorState {
  return {
    key,
    parts: aggregate.initialState(key),
    hexVersion: 0,
    volatileCount: 0,
    viewSeq: 0,
    decidedMs: 0,
  };
}

/**
 * Decides one command and folds its events. A timer that fires counts only if the state holds exactly it. Throws
 * what the rules throw, and {@link RulesContractError}.
 */
export function step(
  aggregate: Aggregate,
  actor: ActorState,
  command: StepCommand,
  eventContract: EventTypeOf,
): Step {
  const { contract, context } = command;
  const armed = aggregate.timers?.(actor.parts.durable) ?? noTimers;
  if (contract.schema.typeName === FireSchema.typeName && !holds(armed, command.message as Fire)) {
    return { actor, outcome: refusalOf(contract, { kind: "refused", reason: "not-armed" }) };
  }
  const decision = aggregate.decide(actor.parts, command.message, context);
  if (decision.kind === "refused") return { actor, outcome: refusalOf(contract, decision) };
  checkEvents(contract, decision);
  const durable = contract.durability === Durability.DURABLE;
  let { parts, hexVersion, viewSeq } = actor;
  const events = decision.events.map((event): EncodedEvent => {
    parts = aggregate.evolve(parts, event.message);
    viewSeq++;
    if (durable) hexVersion++;
    const { type, messageVersion, consumers } = eventContract(event.schema);
    return {
      type,
      messageVersion,
      consumers,
      payload: toBinary(event.schema, event.message),
      viewSeq,
      hexVersion,
    };
  });
  const volatileCount = actor.volatileCount + (contract.durability === Durability.VOLATILE ? 1 : 0);
  return {
    actor: {
      key: actor.key,
      parts,
      hexVersion,
      volatileCount,
      viewSeq,
      decidedMs: durable ? context.nowMs : actor.decidedMs,
    },
    outcome: {
      kind: "applied",
      result: resultOf(contract, decision.result),
      events,
      messages: decision.messages ?? [],
      timers: durable
        ? timerChanges(contract, armed, aggregate.timers?.(parts.durable) ?? noTimers)
        : [],
    },
  };
}

const noTimers: readonly ArmedTimer[] = [];

function holds(armed: readonly ArmedTimer[], fire: Fire): boolean {
  return armed.some(
    ({ timer, dueMs, armedVersion }) =>
      timer === fire.timer &&
      dueMs === Number(fire.dueMs) &&
      armedVersion === Number(fire.armedVersion),
  );
}

function timerChanges(
  contract: MessageContractView,
  before: readonly ArmedTimer[],
  after: readonly ArmedTimer[],
): readonly TimerChange[] {
  if (before.length === 0 && after.length === 0) return [];
  const left = new Map(before.map((armed) => [armed.timer, armed]));
  const changes: TimerChange[] = [];
  for (const { timer, dueMs, armedVersion } of after) {
    const old = left.get(timer);
    left.delete(timer);
    if (old?.dueMs === dueMs && old.armedVersion === armedVersion) continue;
    if (!isWhole(dueMs) || !isWhole(armedVersion)) {
      throw new RulesContractError(
        contract.type,
        `timer ${JSON.stringify(timer)} is armed for ${dueMs} ms at version ${armedVersion}: both are whole numbers from 0`,
      );
    }
    changes.push({ timer, armed: { dueMs, armedVersion } });
  }
  for (const timer of left.keys()) changes.push({ timer, armed: undefined });
  return changes;
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** Folds a journalled event into an actor that is being recovered. Observers see nothing of it. */
export function replay(
  aggregate: Aggregate,
  actor: ActorState,
  event: {
    schema: GenMessage<Message>;
    payload: Uint8Array;
    hexVersion: number;
    decidedMs: number;
  },
): ActorState {
  return {
    ...actor,
    parts: aggregate.evolve(actor.parts, fromBinary(event.schema, event.payload)),
    hexVersion: event.hexVersion,
    decidedMs: event.decidedMs,
  };
}

/** What the answer's field holds. */
const retryAfterMsMax = 0xffff_ffff;

function refusalOf(
  contract: MessageContractView,
  decision: Extract<Decision, { kind: "refused" }>,
): StepOutcome {
  if (!contract.refusals.has(decision.reason)) {
    throw new RulesContractError(
      contract.type,
      `refusal ${JSON.stringify(decision.reason)} is not in the command's option`,
    );
  }
  if (decision.detail !== undefined && contract.refusalDetailSchema === undefined) {
    throw new RulesContractError(contract.type, "a detail without the option refusal_detail");
  }
  const { retryAfterMs = 0 } = decision;
  if (!Number.isInteger(retryAfterMs) || retryAfterMs < 0 || retryAfterMs > retryAfterMsMax) {
    throw new RulesContractError(
      contract.type,
      `retryAfterMs is a whole number of milliseconds from 0 to ${retryAfterMsMax}, not ${retryAfterMs}`,
    );
  }
  return {
    kind: "refused",
    reason: decision.reason,
    retryAfterMs,
    detail:
      decision.detail === undefined || contract.refusalDetailSchema === undefined
        ? noBytes
        : toBinary(contract.refusalDetailSchema, decision.detail),
  };
}

function checkEvents(
  contract: MessageContractView,
  decision: Extract<Decision, { kind: "applied" }>,
): void {
  const count = decision.events.length;
  if (contract.durability === Durability.DURABLE && count === 0) {
    throw new RulesContractError(
      contract.type,
      "a durable command that changes nothing is refused",
    );
  }
  if (contract.durability === Durability.READ && count > 0) {
    throw new RulesContractError(contract.type, "a read changes nothing");
  }
  if (contract.durability !== Durability.DURABLE && (decision.messages?.length ?? 0) > 0) {
    throw new RulesContractError(contract.type, "only a durable command sends messages");
  }
}

function resultOf(contract: MessageContractView, result: Message | undefined): Uint8Array {
  if (contract.resultSchema === undefined) {
    if (result === undefined) return noBytes;
    throw new RulesContractError(contract.type, "a result without the option result");
  }
  if (result === undefined) throw new RulesContractError(contract.type, "the result is missing");
  return toBinary(contract.resultSchema, result);
}
