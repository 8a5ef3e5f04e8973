/**
 * Residence, presence and crossing: who lives in a hex, who of them is online, and how a player goes from one hex to
 * the next without ever being in two. A game composes it with rules and state of its own; docs/games.md.
 */
import type { Message } from "@bufbuild/protobuf";
import { contracts } from "@hexhold/gen/hexhold/hex/v1/contracts";
import type { DecideContext, HexParts, TimerRules } from "../game.ts";
import { arrive, cancelTransfer, endTransfer, queryTransfer, transfer } from "./decide-transfer.ts";
import { evolveResidence } from "./evolve-residence.ts";
import { endPresence, enter, leave, locate, spawn } from "./presence.ts";
import type { ResidenceRule, ResidenceRules } from "./residence-rules.ts";
import type { ResidenceState } from "./residence-state.ts";
import { timersOf } from "./transfer-timers.ts";

/** Where the kit finds its part of a game's durable state, and what it is to do in it. */
export interface ResidenceOptions<D extends Message, R extends ResidenceState> {
  /** The kit's part of the state. */
  of(durable: D): R;
  /** The state with `residence` as the kit's part. */
  with(durable: D, residence: R): D;
  /** How many players may live in the hex, those on their way from it included. */
  capacity(durable: D): number;
  /**
   * Time after which the destination of a transfer is asked for its answer, doubled each time up to 5 min; default
   * 5,000 ms, many times what an answer takes in health.
   */
  readonly transferQueryMs?: number;
  /**
   * How long a hex keeps its answers to transfers; default 96 h: longer than an outbox keeps its rows (72 h), so that
   * what is sent late still finds its answer.
   */
  readonly transferAnswerKeepHours?: number;
}

type Commands = typeof contracts.commands;

/** Makes the kit for a game whose durable state is `D`. Its parts go into `defineGame`; docs/games.md. */
export function residenceKit<D extends Message, R extends ResidenceState>(
  options: ResidenceOptions<D, R>,
) {
  const { transferQueryMs = 5000, transferAnswerKeepHours = 96 } = options;
  const rulesOf = (durable: D): ResidenceRules => ({
    transferQueryMs,
    transferAnswerKeepHours,
    isFull: ({ residents, transits }, returning) =>
      residents.length + transits.length - returning >= options.capacity(durable),
  });
  const rule =
    <T extends keyof Commands>(decide: ResidenceRule<T>) =>
    (
      { durable }: HexParts<D, Message>,
      command: Parameters<ResidenceRule<T>>[1],
      context: DecideContext,
    ): ReturnType<ResidenceRule<T>> =>
      decide(options.of(durable), command, context, rulesOf(durable));
  const fold =
    <E extends Message>(evolve: (state: R, event: E) => R) =>
    <P extends HexParts<D, Message>>(state: P, event: E): P => ({
      ...state,
      durable: options.with(state.durable, evolve(options.of(state.durable), event)),
    });
  const timers: TimerRules<D> = {
    armed: (durable) => timersOf(options.of(durable)),
    fire: (durable, command, context) =>
      queryTransfer(options.of(durable), command, context, rulesOf(durable)),
  };
  return {
    contracts,
    commands: {
      "cmd.hex.spawn": rule<"cmd.hex.spawn">(spawn),
      "cmd.hex.enter": rule<"cmd.hex.enter">(enter),
      "cmd.hex.leave": rule<"cmd.hex.leave">(leave),
      "cmd.hex.end-presence": rule<"cmd.hex.end-presence">(endPresence),
      "cmd.hex.locate": rule<"cmd.hex.locate">(locate),
      "cmd.hex.transfer": rule<"cmd.hex.transfer">(transfer),
      "cmd.hex.arrive": rule<"cmd.hex.arrive">(arrive),
      "cmd.hex.end-transfer": rule<"cmd.hex.end-transfer">(endTransfer),
      "cmd.hex.cancel-transfer": rule<"cmd.hex.cancel-transfer">(cancelTransfer),
    },
    events: {
      "evt.hex.player-spawned": fold(evolveResidence["evt.hex.player-spawned"]<R>),
      "evt.hex.player-entered": fold(evolveResidence["evt.hex.player-entered"]<R>),
      "evt.hex.player-left": fold(evolveResidence["evt.hex.player-left"]<R>),
      "evt.hex.player-departed": fold(evolveResidence["evt.hex.player-departed"]<R>),
      "evt.hex.player-arrived": fold(evolveResidence["evt.hex.player-arrived"]<R>),
      "evt.hex.arrival-refused": fold(evolveResidence["evt.hex.arrival-refused"]<R>),
      "evt.hex.transfer-answered": fold(evolveResidence["evt.hex.transfer-answered"]<R>),
      "evt.hex.transfer-completed": fold(evolveResidence["evt.hex.transfer-completed"]<R>),
      "evt.hex.player-returned": fold(evolveResidence["evt.hex.player-returned"]<R>),
      "evt.hex.transfer-queried": fold(evolveResidence["evt.hex.transfer-queried"]<R>),
    },
    timers,
  };
}
