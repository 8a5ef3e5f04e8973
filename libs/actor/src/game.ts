/** A game is a module of pure rules; these are its types. */
import type { DescFile, JsonObject, Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { Empty } from "@bufbuild/protobuf/wkt";
import type { Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import type { Fire } from "@hexhold/gen/hexhold/hex/v1/timer_pb";
import type { Key } from "@hexhold/hex";
import type { LedgerEntry } from "./ledger.ts";
import type { Contribution } from "./standing.ts";

/** State of a hex. */
export interface HexParts<D extends Message, V extends Message = Empty> {
  /** A pure fold of the journal: hashed, compacted, verified, rebuilt. */
  readonly durable: D;
  /** Positions and the like; `evolve` may reset it, never reads it into the durable part. */
  readonly volatile: V;
}

/** All that a decision may know beside state and command. */
export interface DecideContext {
  readonly key: Key;
  /** World time in Unix milliseconds; never backwards in a hex. */
  readonly nowMs: number;
  /** 16 system bytes, new for each decision. Whatever is drawn goes into the events. */
  readonly random: Uint8Array;
  readonly sender: Sender;
  /** 16 bytes; undefined for a command from a service. */
  readonly accountId: Uint8Array | undefined;
  readonly sessionId: Uint8Array | undefined;
  /** VOLATILE commands: counts up within the session. */
  readonly volatileSeq: bigint;
  /** Version of the hex before this decision: its first event will be one more. */
  readonly hexVersion: number;
  /**
   * The format that the world is in: rules emit no events of a higher one, as other workers may not read them yet.
   * Never lowered.
   */
  readonly worldFormat: number;
  /** Whether a key lies in the world; rules send to no other. */
  readonly isInWorld: (key: Key) => boolean;
}

/**
 * A timer that a state holds. When it is due, the hex gets `cmd.hex.fire` with just these three; one that the
 * state does not hold any more is refused before the rules see it.
 */
export interface ArmedTimer {
  /** Unique in the hex; 1–128 characters. */
  readonly timer: string;
  /** World time, Unix milliseconds. */
  readonly dueMs: number;
  /** Version of the hex after the event that armed it: arming a timer anew makes another one. */
  readonly armedVersion: number;
}

/** A command to another hex or a domain service, sent by the outbox of the same commit. */
export interface OutgoingCommand {
  readonly message: Message;
  readonly schema: GenMessage<Message>;
  readonly to: { readonly key: Key } | { readonly service: string; readonly subject: string };
}

/** An event with its schema; type and version come from the schema's contract option. */
export interface DecidedEvent<E extends Message = Message> {
  readonly schema: GenMessage<Message>;
  readonly message: E;
}

/** Timers of one concern: which of them the durable part `D` of a state holds, and what happens when one is due. */
export interface TimerRules<D extends Message> {
  /** Told apart from those of other concerns by their names, which begin with a word of their own. */
  armed(durable: D): readonly ArmedTimer[];
  /** Decides `cmd.hex.fire` of a timer that the state holds: events that arm it anew, or take it out. */
  fire(durable: D, command: Fire, context: DecideContext): Decision;
}

/** What the rules say to a command. */
export type Decision =
  | {
      readonly kind: "applied";
      readonly events: readonly DecidedEvent[];
      readonly messages?: readonly OutgoingCommand[];
      /** Message named by the command's option `result`. */
      readonly result?: Message | undefined;
    }
  | {
      readonly kind: "refused";
      /** From the closed list in the command's option. */
      readonly reason: string;
      /** 0 or absent = repeating it makes no sense. */
      readonly retryAfterMs?: number;
      /** Message named by the command's option `refusal_detail`. */
      readonly detail?: Message;
    };

/** The rules of one kind of actor. All functions are synchronous and pure: no clock, no randomness, no I/O. */
export interface Aggregate<D extends Message = Message, V extends Message = Message> {
  readonly durableSchema: GenMessage<D>;
  readonly volatileSchema: GenMessage<V>;
  /** How state is hashed; raised when the durable part changes its meaning or encoding. */
  readonly stateFormat: number;
  initialState(key: Key): HexParts<D, V>;
  decide(state: HexParts<D, V>, command: Message, context: DecideContext): Decision;
  /** Throws on an event it does not know: an assertion, not an answer. */
  evolve(state: HexParts<D, V>, event: Message): HexParts<D, V>;
  /** Timers that the durable part holds; default: none. They are indexed in the commit that changes them. */
  timers?(durable: D): readonly ArmedTimer[];
  /**
   * The readable document of the hex, for `world.hex_state` and operators; for players as well when the game has no
   * view of its own, so it holds nothing that is to be kept from them.
   */
  readable(state: HexParts<D, V>): JsonObject;
}

/** A command as players or services send it, without what makes it one player's. */
export interface Sample {
  readonly schema: GenMessage<Message>;
  readonly message: Message;
  /** VOLATILE commands alone: counts up. */
  readonly volatileSeq?: bigint;
}

/** A game as the worker loads it and the gateway describes it. */
export interface Game {
  /** Part of a world from its first start: the world takes no other game. */
  readonly name: string;
  /**
   * `major.minor.patch`. Another major means that its journals or states are not those of the majors before it: a
   * world takes no other major than the one it began with.
   */
  readonly version: string;
  /** Highest world format whose events it emits. */
  readonly worldFormat: number;
  /** Files whose messages carry contract options. */
  readonly descriptors: readonly DescFile[];
  readonly hex: Aggregate;
  /**
   * The ledger transaction that an event stands for; undefined: none. Asked for every event whose contract names
   * `inventory` as a consumer, by the inventory and when a world is verified. Pure. Throws on an event that it does
   * not know: it becomes a dead letter, for services are rolled out before the workers that use what is new.
   */
  readonly ledger?: (event: Message) => LedgerEntry | undefined;
  /** What players did for a hex by an event. Asked for every event of its own whose contract names `governance`. As `ledger`. */
  readonly standing?: (event: Message) => readonly Contribution[];
  /**
   * What a player's first minute in an empty hex is like, command by command, sent by the first sender that each one's
   * contract names. A new worker plays it in hexes that do not exist until its code is compiled and its statements are
   * planned; without it players are the first to do so.
   * @param playerId 16 bytes.
   */
  readonly samples?: (playerId: Uint8Array) => readonly Sample[];
}

/** What a game module exports as `createGame`. `options` is the section `game.options` of the configuration. */
export type CreateGame = (options: unknown) => Game;
