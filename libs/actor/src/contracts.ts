/** What a game's rules may say, as types: made of the `contracts` that are generated beside its messages. */
import type { DescFile, Message, MessageShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { DecideContext, DecidedEvent, OutgoingCommand } from "./game.ts";

/** A command as its contract option has it. */
export interface CommandContract {
  readonly schema: GenMessage<Message>;
  readonly durability: string;
  /** The closed list of reasons for which the rules may refuse it. */
  readonly refusals: readonly string[];
  readonly result?: GenMessage<Message>;
  /** Message that may go with a refusal. */
  readonly detail?: GenMessage<Message>;
}

/** An event as its contract option has it. */
export interface EventContract {
  readonly schema: GenMessage<Message>;
  /** Services that must get it. */
  readonly consumers: readonly string[];
}

/** The contracts of one package of messages, by type: `contracts` of a generated `contracts.ts`. */
export interface ContractSet {
  readonly files: readonly DescFile[];
  readonly commands: Readonly<Record<string, CommandContract>>;
  readonly events: Readonly<Record<string, EventContract>>;
  /** Message that observers get of a hex; undefined: the package names none. */
  readonly view: GenMessage<Message> | undefined;
}

type Together<U> = (U extends unknown ? (item: U) => void : never) extends (item: infer I) => void
  ? I
  : never;

/** The commands of several sets, by type. */
export type CommandsOf<C extends readonly ContractSet[]> = Together<C[number]["commands"]>;
/** The events of several sets, by type. */
export type EventsOf<C extends readonly ContractSet[]> = Together<C[number]["events"]>;
/** Any event of several sets. */
export type AnyEventOf<C extends readonly ContractSet[]> = ShapeOf<EventsOf<C>[keyof EventsOf<C>]>;

/** Message of a contract. */
export type ShapeOf<C> = C extends { readonly schema: GenMessage<Message> }
  ? MessageShape<C["schema"]>
  : never;

/** What a rule says no with: a reason of the closed list, and the detail that the contract names. */
export interface Refused<R extends string, D extends Message = Message> {
  readonly kind: "refused";
  readonly reason: R;
  /** 0 or absent = repeating it makes no sense. */
  readonly retryAfterMs?: number;
  readonly detail?: D;
}

/** What a rule says yes with. */
export interface Applied<E extends Message, R> {
  readonly kind: "applied";
  readonly events: readonly DecidedEvent<E>[];
  readonly messages?: readonly OutgoingCommand[];
  readonly result: R;
}

type ResultOf<C> = C extends { readonly result: GenMessage<Message> }
  ? MessageShape<C["result"]>
  : undefined;
type DetailOf<C> = C extends { readonly detail: GenMessage<Message> }
  ? MessageShape<C["detail"]>
  : never;
type ReasonOf<C> = C extends { readonly refusals: readonly (infer R extends string)[] } ? R : never;

/** All that the rules may say to a command of contract `C`; `E`: the events that there are. */
export type DecisionOn<C, E extends Message> =
  | Applied<E, ResultOf<C>>
  | Refused<ReasonOf<C>, DetailOf<C>>;

/** Decides commands of contract `C` on a state `S`. Pure. */
export type Rule<S, C, E extends Message> = (
  state: S,
  command: ShapeOf<C>,
  context: DecideContext,
) => DecisionOn<C, E>;
