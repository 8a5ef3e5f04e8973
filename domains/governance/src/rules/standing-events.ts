/** The events of a game by which players do something for a hex, and what it is worth. Pure. */
import type { Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { Contribution, Game } from "@hexhold/actor";
import { contracts as hex } from "@hexhold/gen/hexhold/hex/v1/contracts";
import { contracts as ownership } from "@hexhold/gen/hexhold/ownership/v1/contracts";
import { createMessageRegistry } from "@hexhold/messaging";

/** A type of event of the game whose contract names `governance` as a consumer. */
export interface StandingEvent {
  /** `evt.<service>.<past>`. */
  readonly type: string;
  readonly schema: GenMessage<Message>;
  /** By the game's rules. Throws what the game throws, and a RangeError on what no journal takes. */
  readonly contributionsOf: (event: Message) => readonly Contribution[];
}

/** Points of one contribution: so many of them fit into a sum. */
const valueMax = 10n ** 12n;

/** What governance reads by itself, whatever the game. */
const platformEvents: ReadonlySet<string> = new Set([
  ...Object.keys(hex.events),
  ...Object.keys(ownership.events),
]);

/** Throws a TypeError when the game has such events and does not say what they are worth. */
export function standingEventsOf(game: Game): readonly StandingEvent[] {
  const entries = createMessageRegistry(game.descriptors).entries.filter(
    ({ type, kind, consumers }) =>
      kind === "event" && consumers.includes("governance") && !platformEvents.has(type),
  );
  return entries.map(({ type, schema }): StandingEvent => {
    const { standing } = game;
    if (standing === undefined) {
      throw new TypeError(
        `the game ${game.name} sends ${type} to governance, and has no standing that says what it is worth`,
      );
    }
    return {
      type,
      schema: schema as GenMessage<Message>,
      contributionsOf: (event) => checkContributions(type, standing(event)),
    };
  });
}

/** Throws a RangeError that names the type of the event. */
export function checkContributions(
  type: string,
  contributions: readonly Contribution[],
): readonly Contribution[] {
  for (const { accountId, value, atMs } of contributions) {
    if (accountId.length !== 16 || value < 1n || value > valueMax || atMs < 0n) {
      throw new RangeError(
        `the standing of ${type} is no contribution: ${value} points of an account of ${accountId.length} bytes at ${atMs}`,
      );
    }
  }
  return contributions;
}
