/** Given a hex, when a command comes, then…: the rules of a game under test, without a server. */
import {
  create,
  getOption,
  hasOption,
  type Message,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { FireSchema } from "@hexhold/gen/hexhold/hex/v1/timer_pb";
import { contract, Durability, Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { diskOf, hexAt, type Key } from "@hexhold/hex";
import type { ArmedTimer, DecideContext, Decision, Game, HexParts } from "../game.ts";

const [first, ...around] = diskOf(hexAt(52.52, 13.4), 1).map((hexId): Key => ({
  hexId,
  layerId: 0,
}));
/** A hex to test in. */
export const home: Key = first!;
/** The six around it. */
export const neighbours: readonly Key[] = around;

/** Id of player `n` of a test; n ≤ 255. */
export function playerId(n: number): Uint8Array {
  return new Uint8Array(16).fill(n);
}

/** One hex with its rules: commands change it as they would change the actor. */
export interface TestHex<D extends Message = Message, V extends Message = Message> {
  readonly key: Key;
  parts: HexParts<D, V>;
  hexVersion: number;
  /** World time, which stands still. */
  nowMs: number;
  /** Decides a command of player `by`, or of a service, and folds what it brought about. */
  when<T extends Message>(
    schema: GenMessage<T>,
    init: MessageInitShape<GenMessage<T>>,
    by?: number,
    context?: Partial<DecideContext>,
  ): Decision;
  /** Decides `message` as {@link when} does. */
  whenMessage(message: Message, by?: number, context?: Partial<DecideContext>): Decision;
  /** The timers that the state holds. */
  timers(): readonly ArmedTimer[];
  /** Lets time pass until the next timer is due, and decides it; undefined: none is armed. */
  whenDue(): Decision | undefined;
}

/**
 * A hex in which nothing has happened. `D` and `V` are the messages of the game's state: they are taken at their word.
 * `key` is {@link home} unless given.
 */
export function givenHex<D extends Message = Message, V extends Message = Message>(
  game: Game,
  key: Key = home,
): TestHex<D, V> {
  const rules = game.hex;
  let decisions = 0;
  const hex: TestHex<D, V> = {
    key,
    parts: rules.initialState(key) as HexParts<D, V>,
    hexVersion: 0,
    nowMs: 1_700_000_000_000,
    when: (schema, init, by, context) => hex.whenMessage(create(schema, init), by, context),
    whenMessage(message, by, context = {}) {
      const random = new Uint8Array(16);
      new DataView(random.buffer).setUint32(12, ++decisions);
      const decision = rules.decide(hex.parts, message, {
        key,
        nowMs: hex.nowMs,
        random,
        sender: by === undefined ? Sender.HEX : Sender.CLIENT,
        accountId: by === undefined ? undefined : playerId(by),
        sessionId: by === undefined ? undefined : new Uint8Array(16).fill(99),
        volatileSeq: 1n,
        hexVersion: hex.hexVersion,
        worldFormat: game.worldFormat,
        isInWorld: () => true,
        ...context,
      });
      if (decision.kind === "refused") return decision;
      const isDurable = isJournalled(game, message);
      for (const event of decision.events) {
        hex.parts = rules.evolve(hex.parts, event.message) as HexParts<D, V>;
        if (isDurable) hex.hexVersion++;
      }
      return decision;
    },
    timers: () => rules.timers?.(hex.parts.durable) ?? [],
    whenDue() {
      const [next] = hex.timers().toSorted((a, b) => a.dueMs - b.dueMs);
      if (next === undefined) return undefined;
      hex.nowMs = Math.max(hex.nowMs, next.dueMs);
      const { timer, dueMs, armedVersion } = next;
      return hex.whenMessage(
        create(FireSchema, { timer, dueMs: BigInt(dueMs), armedVersion: BigInt(armedVersion) }),
      );
    },
  };
  return hex;
}

/** What a decision came to, in a word: the names of its events, or why it was refused. */
export function wordOf(decision: Decision): string {
  if (decision.kind === "refused") return decision.reason;
  return decision.events.map(({ message }) => message.$typeName.split(".").at(-1)).join(", ");
}

function isJournalled(game: Game, { $typeName }: Message): boolean {
  const schema = game.descriptors
    .flatMap((file) => file.messages)
    .find(({ typeName }) => typeName === $typeName);
  if (schema === undefined || !hasOption(schema, contract)) return false;
  return getOption(schema, contract).durability === Durability.DURABLE;
}
