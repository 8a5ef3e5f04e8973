/** Given a hex, when a command comes, then…: the rules of the reference game under test. */
import { create, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { DecideContext, Decision } from "@hexhold/actor";
import { Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { diskOf, hexAt, type Key } from "@hexhold/hex";
import { createGame } from "./index.ts";
import type { ReferenceParts } from "./evolve.ts";

export const [home, ...neighbours] = diskOf(hexAt(52.52, 13.4), 1).map((hexId) => ({
  hexId,
  layerId: 0,
})) as [Key, ...Key[]];

/** Id of player `n`; n ≤ 255. */
export function playerId(n: number): Uint8Array {
  return new Uint8Array(16).fill(n);
}

/** One hex with its rules: commands change it as they would change the actor. */
export interface TestHex {
  readonly key: Key;
  parts: ReferenceParts;
  hexVersion: number;
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
}

export function givenHex(key: Key = home, options: Record<string, number> = {}): TestHex {
  const game = createGame(options).hex;
  const hex: TestHex = {
    key,
    parts: game.initialState(key) as ReferenceParts,
    hexVersion: 0,
    nowMs: 1_700_000_000_000,
    when: (schema, init, by, context) => hex.whenMessage(create(schema, init), by, context),
    whenMessage(message, by, context = {}) {
      const decision = game.decide(hex.parts, message, {
        key,
        nowMs: hex.nowMs,
        random: new Uint8Array(16),
        sender: by === undefined ? Sender.HEX : Sender.CLIENT,
        accountId: by === undefined ? undefined : playerId(by),
        sessionId: by === undefined ? undefined : new Uint8Array(16).fill(99),
        volatileSeq: 1n,
        hexVersion: hex.hexVersion,
        isInWorld: () => true,
        ...context,
      });
      if (decision.kind === "refused") return decision;
      for (const event of decision.events) {
        hex.parts = game.evolve(hex.parts, event.message) as ReferenceParts;
        if (event.message.$typeName !== "hexhold.hex.v1.PlayerMoved") hex.hexVersion++;
      }
      return decision;
    },
  };
  return hex;
}

/** What a decision came to, in a word: the names of its events, or why it was refused. */
export function wordOf(decision: Decision): string {
  if (decision.kind === "refused") return decision.reason;
  return decision.events.map(({ message }) => message.$typeName.split(".").at(-1)).join(", ");
}
