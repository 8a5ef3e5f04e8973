/**
 * The reference game with amounts of `gather` on which its rules misbehave; everything else is as it was. For the
 * tests of what a rule can and cannot do to its worker.
 */
import type { Message } from "@bufbuild/protobuf";
import type { Decision, Game } from "@hexhold/actor";
import type { Gather } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import type { Gathered } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { createGame as createReferenceGame } from "@hexhold/reference-game";

/** Amounts that the rules fail on, by what they do. */
export const badAmounts = { throws: 991n, loops: 992n, exhausts: 993n, exits: 994n } as const;

export function createGame(options: unknown): Game {
  const game = createReferenceGame(options);
  return {
    ...game,
    hex: {
      ...game.hex,
      decide: (state, command, context) =>
        misbehave(command) ?? game.hex.decide(state, command, context),
      evolve(parts, event) {
        misfold(event);
        return game.hex.evolve(parts, event);
      },
    },
  };
}

/** Amounts of events that are folded slowly, each within its limit, or never to an end. */
export const badEvents = { slow: 996n, loops: 997n } as const;
/** Milliseconds that folding a slow event takes. */
export const slowEventMs = 5;

/** An amount that ends the thread of the rules by what only Node itself calls, as a crash of native code would. */
export const fatalAmount = 995n;

function misbehave(message: Message): Decision | undefined {
  if (message.$typeName !== "hexhold.reference.v1.Gather") return undefined;
  switch ((message as Gather).amount) {
    case badAmounts.throws:
      throw new Error("bad rules: thrown");
    case badAmounts.loops:
      for (;;);
    case badAmounts.exhausts: {
      const kept: number[][] = [];
      for (;;) kept.push(Array.from({ length: 100_000 }, Math.random));
    }
    case badAmounts.exits:
      return process.exit(3);
    case fatalAmount:
      return (process as unknown as { reallyExit(code: number): never }).reallyExit(3);
    default:
      return undefined;
  }
}

function misfold(event: Message): void {
  if (event.$typeName !== "hexhold.reference.v1.Gathered") return;
  const { amount } = event as Gathered;
  const untilMs =
    amount === badEvents.slow
      ? performance.now() + slowEventMs
      : amount === badEvents.loops
        ? Infinity
        : 0;
  while (performance.now() < untilMs);
}
