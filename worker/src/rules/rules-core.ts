/** Actor memory and the step function, as both adapters of the rules host run them. */
import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import {
  type ActorState,
  type Game,
  initialActor,
  type MessageContractView,
  type OutgoingCommand,
  replay,
  step,
  type StepOutcome,
} from "@hexhold/actor";
import { type Key, keyText, parseKeyText, type WorldShape, worldTest } from "@hexhold/hex";
// Not the package's main entry: the broker's client would load in every rules thread.
import { createMessageRegistry, type MessageEntry } from "@hexhold/messaging/registry";
import { compiledValidator } from "@hexhold/messaging/validator";
import type {
  CapturedHex,
  DecideMoment,
  HexRecovery,
  HostCommand,
  HostDecision,
  HostMessage,
  HostOutcome,
  RecoveryFault,
} from "./rules-host.ts";

export interface RulesCoreOptions {
  /** Gives 16 new system bytes at each call. */
  readonly random: () => Uint8Array;
  /** Where rules may send commands to. */
  readonly world: WorldShape;
}

export interface RulesCore {
  /** `onStep` is told the index of each hex before it is rebuilt, and again before each of its events. */
  load(
    slot: string,
    hexes: readonly HexRecovery[],
    onStep: (index: number) => void,
  ): RecoveryFault[];
  /** `onCommand` is told the index of each command before it is decided. */
  decide(
    slot: string,
    moment: DecideMoment,
    commands: readonly HostCommand[],
    onCommand: (index: number) => void,
  ): HostDecision;
  settle(slot: string): void;
  rollback(slot: string): void;
  forget(slot: string, keyTexts: readonly string[] | undefined, keepVolatile: boolean): void;
  /** `onStep` is told the index of each hex before it is captured. */
  capture(
    slot: string,
    keyTexts: readonly string[],
    onStep: (index: number) => void,
  ): CapturedHex[];
}

/** Payloads nest no deeper, whoever sends them; a gateway refuses the same of clients. */
const nestingMax = 16;

interface SlotMemory {
  readonly actors: Map<string, ActorState>;
  /** As the last decision left them; replaced and never cleared, for a cleared map keeps what was in it alive. */
  tentative: Map<string, ActorState>;
  /** Volatile parts of actors that were forgotten for a reload. */
  readonly keptVolatile: Map<string, { part: Message; count: number }>;
}

interface CommandEntry {
  readonly entry: MessageEntry;
  readonly view: MessageContractView;
}

export function createRulesCore(game: Game, { random, world }: RulesCoreOptions): RulesCore {
  const registry = createMessageRegistry(game.descriptors);
  const isInWorld = worldTest(world);
  const aggregate = game.hex;
  const slots = new Map<string, SlotMemory>();
  const commands = new Map<string, CommandEntry>();
  for (const entry of registry.entries) {
    if (entry.kind === "command") commands.set(entry.type, { entry, view: viewOf(entry) });
  }
  const validator = compiledValidator([...commands.values()].map(({ entry }) => entry.schema));

  const memoryOf = (slot: string): SlotMemory => {
    let memory = slots.get(slot);
    if (memory === undefined) {
      memory = { actors: new Map(), tentative: new Map(), keptVolatile: new Map() };
      slots.set(slot, memory);
    }
    return memory;
  };

  const recover = (memory: SlotMemory, hex: HexRecovery, onEvent: () => void): ActorState => {
    let actor = initialActor(aggregate, parseKeyText(hex.keyText));
    if (hex.start !== undefined) {
      const { durable, volatile, ...numbers } = hex.start;
      actor = {
        ...actor,
        ...numbers,
        parts: {
          durable: fromBinary(aggregate.durableSchema, owned(durable)),
          volatile:
            volatile.length === 0
              ? create(aggregate.volatileSchema)
              : fromBinary(aggregate.volatileSchema, owned(volatile)),
        },
      };
    }
    for (const event of hex.tail) {
      onEvent();
      const entry = registry.byType(event.type);
      if (entry === undefined) throw new TypeError(`no message is called ${event.type}`);
      if (event.hexVersion !== actor.hexVersion + 1) {
        throw new RangeError(`event ${event.hexVersion} follows version ${actor.hexVersion}`);
      }
      actor = replay(aggregate, actor, {
        ...event,
        payload: owned(event.payload),
        schema: entry.schema as GenMessage<Message>,
      });
    }
    const kept = memory.keptVolatile.get(hex.keyText);
    memory.keptVolatile.delete(hex.keyText);
    if (kept === undefined) return actor;
    return {
      ...actor,
      parts: { durable: actor.parts.durable, volatile: kept.part },
      volatileCount: Math.max(kept.count, actor.volatileCount),
    };
  };

  const decideOne = (
    memory: SlotMemory,
    { nowMs, worldFormat }: DecideMoment,
    command: HostCommand,
  ): HostOutcome => {
    const known = commands.get(command.type);
    if (known === undefined) throw new TypeError(`no command is called ${command.type}`);
    const actor =
      memory.tentative.get(command.keyText) ??
      memory.actors.get(command.keyText) ??
      missing(command.keyText);
    const { hexVersion } = actor;
    let message: Message;
    try {
      message = fromBinary(known.entry.schema, command.payload, { recursionLimit: nestingMax });
    } catch (error) {
      return { kind: "invalid", message: `payload: ${(error as Error).message}`, hexVersion };
    }
    const checked = validator.validate(known.entry.schema, message);
    if (checked.kind === "invalid") {
      return { kind: "invalid", message: checked.violations.map(String).join("; "), hexVersion };
    }
    if (checked.kind === "error") throw checked.error;
    const decidedMs = Math.max(nowMs, actor.decidedMs);
    const next = step(
      aggregate,
      actor,
      {
        contract: known.view,
        message,
        context: {
          key: actor.key,
          nowMs: decidedMs,
          random: random(),
          sender: command.sender,
          accountId: command.accountId,
          sessionId: command.sessionId,
          volatileSeq: command.volatileSeq,
          hexVersion,
          worldFormat,
          isInWorld,
        },
      },
      (schema) => registry.bySchema(schema),
    );
    memory.tentative.set(command.keyText, next.actor);
    return hostOutcome(next.outcome, next.actor.hexVersion, decidedMs);
  };

  const hostOutcome = (
    outcome: StepOutcome,
    hexVersion: number,
    decidedMs: number,
  ): HostOutcome => {
    if (outcome.kind === "refused") return { ...outcome, hexVersion, decidedMs };
    return {
      kind: "applied",
      result: outcome.result,
      events: outcome.events,
      messages: outcome.messages.map(({ message, schema, to }) => {
        const { type, messageVersion } = registry.bySchema(schema);
        const payload = toBinary(schema, message);
        return {
          type,
          messageVersion,
          payload,
          to: targetOf(to, isInWorld),
        };
      }),
      timers: outcome.timers,
      hexVersion,
      decidedMs,
    };
  };

  return {
    load(slot, hexes, onStep) {
      const memory = memoryOf(slot);
      const faults: RecoveryFault[] = [];
      for (const [index, hex] of hexes.entries()) {
        onStep(index);
        try {
          const actor = recover(memory, hex, () => onStep(index));
          memory.actors.set(hex.keyText, actor);
        } catch (error) {
          faults.push({ keyText: hex.keyText, reason: (error as Error).message });
        }
      }
      return faults;
    },
    decide(slot, moment, items, onCommand) {
      const memory = memoryOf(slot);
      const outcomes: HostOutcome[] = [];
      for (const [index, command] of items.entries()) {
        onCommand(index);
        try {
          outcomes.push(decideOne(memory, moment, command));
        } catch (error) {
          return { outcomes, fault: { kind: "threw", index, error: describe(error) } };
        }
      }
      return { outcomes, fault: undefined };
    },
    settle(slot) {
      const memory = memoryOf(slot);
      for (const [key, actor] of memory.tentative) memory.actors.set(key, actor);
      memory.tentative = new Map();
    },
    rollback(slot) {
      memoryOf(slot).tentative = new Map();
    },
    forget(slot, keyTexts, keepVolatile) {
      const memory = memoryOf(slot);
      memory.tentative = new Map();
      if (keyTexts === undefined && !keepVolatile) {
        slots.delete(slot);
        return;
      }
      for (const key of keyTexts ?? [...memory.actors.keys()]) {
        const actor = memory.actors.get(key);
        memory.actors.delete(key);
        if (keepVolatile && actor !== undefined) {
          memory.keptVolatile.set(key, { part: actor.parts.volatile, count: actor.volatileCount });
        }
      }
    },
    capture(slot, keyTexts, onStep) {
      const { actors } = memoryOf(slot);
      return keyTexts.flatMap((key, index) => {
        onStep(index);
        const actor = actors.get(key);
        if (actor === undefined) return [];
        return [
          {
            keyText: key,
            hexVersion: actor.hexVersion,
            volatileCount: actor.volatileCount,
            decidedMs: actor.decidedMs,
            viewSeq: actor.viewSeq,
            durable: toBinary(aggregate.durableSchema, actor.parts.durable),
            volatile: toBinary(aggregate.volatileSchema, actor.parts.volatile),
            readable: JSON.stringify(aggregate.readable(actor.parts)),
          },
        ];
      });
    },
  };
}

function viewOf(entry: MessageEntry): MessageContractView {
  return {
    type: entry.type,
    messageVersion: entry.messageVersion,
    durability: entry.durability,
    refusals: entry.refusals,
    schema: entry.schema as GenMessage<Message>,
    resultSchema: entry.resultSchema as GenMessage<Message> | undefined,
    refusalDetailSchema: entry.refusalDetailSchema as GenMessage<Message> | undefined,
  };
}

function targetOf(to: OutgoingCommand["to"], isInWorld: (key: Key) => boolean): HostMessage["to"] {
  if ("key" in to) {
    const text = keyText(to.key satisfies Key);
    if (!isInWorld(to.key)) throw new RangeError(`the rules send to ${text}, outside the world`);
    return { keyText: text };
  }
  const { service, subject } = to;
  if (typeof service === "string" && typeof subject === "string") return { service, subject };
  throw new TypeError("a message of the rules goes to a key, or to a service and a subject");
}

/**
 * The same bytes in memory of their own. Fields of bytes of a decoded message are views of what was decoded, and state
 * that keeps one keeps all of that: its own encoding then, and not what everybody's came in.
 */
function owned(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function missing(key: string): never {
  throw new Error(`hex ${key} was not loaded before it was asked to decide`);
}

/** What an operator needs of what the rules threw; they may throw anything. */
function describe(thrown: unknown): string {
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return text.slice(0, 4000);
}
