/** Makes a game of rules that are typed by its contracts. */
import { create, type DescFile, type Message, type MessageShape } from "@bufbuild/protobuf";
import type { JsonObject } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import { ReadableViewSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { contracts as hexContracts } from "@hexhold/gen/hexhold/hex/v1/contracts";
import type { Fire } from "@hexhold/gen/hexhold/hex/v1/timer_pb";
import { contracts as ownershipContracts } from "@hexhold/gen/hexhold/ownership/v1/contracts";
import type { Key } from "@hexhold/hex";
import type { AnyEventOf, CommandsOf, ContractSet, EventsOf, Rule, ShapeOf } from "./contracts.ts";
import { applied, refused } from "./decision.ts";
import type {
  Aggregate,
  DecideContext,
  Decision,
  Game,
  HexParts,
  Sample,
  TimerRules,
} from "./game.ts";
import type { LedgerEntry } from "./ledger.ts";
import type { Contribution } from "./standing.ts";

/** Decided by {@link defineGame} itself, from `view` and `timers`. */
type DecidedHere = "cmd.hex.observe" | "cmd.hex.fire";
const decidedHere: ReadonlySet<string> = new Set<DecidedHere>(["cmd.hex.observe", "cmd.hex.fire"]);

/** Events that services read by themselves, whatever the game. */
type PlatformEvent = keyof typeof hexContracts.events | keyof typeof ownershipContracts.events;
const platformEvents: ReadonlySet<string> = new Set([
  ...Object.keys(hexContracts.events),
  ...Object.keys(ownershipContracts.events),
]);

/** Events of `C` that `service` must get, and of which the game alone knows what they are worth. */
type EventsFor<C extends readonly ContractSet[], Service extends string> = {
  [T in keyof EventsOf<C>]: EventsOf<C>[T] extends { readonly consumers: readonly (infer N)[] }
    ? Service extends N
      ? T
      : never
    : never;
}[Exclude<keyof EventsOf<C>, PlatformEvent>];

/** One function for each of them: required where there is any, and absent where there is none. */
type ForEventsOf<
  Name extends string,
  C extends readonly ContractSet[],
  Service extends string,
  R,
> = [EventsFor<C, Service>] extends [never]
  ? { readonly [N in Name]?: undefined }
  : {
      readonly [N in Name]: {
        readonly [T in EventsFor<C, Service>]: (event: ShapeOf<EventsOf<C>[T]>) => R;
      };
    };

/**
 * What a game is made of. A command, event, reason, result or detail that its contracts do not name does not compile,
 * nor does one that they name and nobody handles.
 */
export type GameDefinition<
  C extends readonly ContractSet[],
  D extends Message,
  V extends Message,
> = {
  /** Kebab-case. Part of a world from its first start: the world takes no other game. */
  readonly name: string;
  /** `major.minor.patch`; see {@link Game.version}. */
  readonly version: string;
  /** Highest world format whose events it emits; default 1. */
  readonly worldFormat?: number;
  /** Of the kits that it is composed of, and its own. */
  readonly contracts: C;
  /** Files of commands that it only sends, to services. Default: none. */
  readonly sends?: readonly DescFile[];
  /** Message of the durable part of a hex's state. */
  readonly durable: GenMessage<D>;
  /** Message of the volatile part; default: an empty one. */
  readonly volatile?: GenMessage<V>;
  /** How state is hashed; raised when the durable part changes its meaning or encoding. */
  readonly stateFormat: number;
  /** State of a hex in which nothing has happened; default: empty messages. */
  readonly initialState?: (key: Key) => HexParts<D, V>;
  readonly commands: {
    readonly [T in Exclude<keyof CommandsOf<C>, DecidedHere>]: Rule<
      HexParts<D, V>,
      CommandsOf<C>[T],
      AnyEventOf<C>
    >;
  };
  readonly events: {
    readonly [T in keyof EventsOf<C>]: (
      state: HexParts<D, V>,
      event: ShapeOf<EventsOf<C>[T]>,
    ) => HexParts<D, V>;
  };
  readonly timers?: readonly TimerRules<D>[];
  /** What observers see: the message that a package of its contracts names as its view. Default: `readable`. */
  readonly view?: (state: HexParts<D, V>, context: DecideContext) => ViewOf<C>;
  /** See {@link Aggregate.readable}. */
  readonly readable: (state: HexParts<D, V>) => JsonObject;
  /** See {@link Game.samples}. */
  readonly samples?: (playerId: Uint8Array) => readonly Sample[];
} & ForEventsOf<"ledger", C, "inventory", LedgerEntry | undefined> &
  ForEventsOf<"standing", C, "governance", readonly Contribution[]>;

/** The view that one of the sets names, other than the platform's. */
type ViewOf<C extends readonly ContractSet[]> =
  Exclude<C[number]["view"], undefined | typeof ReadableViewSchema> extends infer S extends
    GenMessage<Message>
    ? MessageShape<S>
    : never;

/**
 * Makes the game. Throws a TypeError that names every fault of the definition: a command that nobody decides, an event
 * that nobody folds or that the ledger does not know, two views, a message twice.
 */
export function defineGame<
  const C extends readonly ContractSet[],
  D extends Message,
  V extends Message = MessageShape<typeof EmptySchema>,
>(definition: GameDefinition<C, D, V>): Game {
  const { contracts, durable, events, timers = [] } = definition;
  const volatile = definition.volatile ?? (EmptySchema as unknown as GenMessage<V>);
  const commandTypes = typesOf(contracts, "commands");
  const eventTypes = typesOf(contracts, "events");
  check(contracts, definition);
  type State = HexParts<D, V>;
  const rules = definition.commands as unknown as Readonly<
    Record<string, (state: State, command: Message, context: DecideContext) => Decision>
  >;
  const folds = events as unknown as Readonly<
    Record<string, (state: State, event: Message) => State>
  >;

  const observe = (state: State, context: DecideContext): Decision =>
    applied(
      [],
      definition.view?.(state, context) ??
        create(ReadableViewSchema, { json: JSON.stringify(definition.readable(state)) }),
    );
  const fire = ({ durable: held }: State, command: Fire, context: DecideContext): Decision =>
    timers
      .find((concern) => concern.armed(held).some(({ timer }) => timer === command.timer))
      ?.fire(held, command, context) ?? refused("not-armed");

  const hex: Aggregate<D, V> = {
    durableSchema: durable,
    volatileSchema: volatile,
    stateFormat: definition.stateFormat,
    initialState: (key) =>
      definition.initialState?.(key) ?? { durable: create(durable), volatile: create(volatile) },
    decide(state, command, context) {
      const type = commandTypes.get(command.$typeName);
      if (type === "cmd.hex.observe") return observe(state, context);
      if (type === "cmd.hex.fire") return fire(state, command as Fire, context);
      const rule = type === undefined ? undefined : rules[type];
      if (rule === undefined) throw new TypeError(`unknown command ${command.$typeName}`);
      return rule(state, command, context);
    },
    evolve(state, event) {
      const type = eventTypes.get(event.$typeName);
      const fold = type === undefined ? undefined : folds[type];
      if (fold === undefined) throw new TypeError(`unknown event ${event.$typeName}`);
      return fold(state, event);
    },
    timers: (held) =>
      timers.length === 1
        ? timers[0]!.armed(held)
        : timers.flatMap((concern) => concern.armed(held)),
    readable: (state) => definition.readable(state),
  };
  const { ledger, standing } = definition as unknown as {
    readonly ledger?: Readonly<Record<string, (event: Message) => LedgerEntry | undefined>>;
    readonly standing?: Readonly<Record<string, (event: Message) => readonly Contribution[]>>;
  };
  const ask = <R>(
    what: string,
    by: Readonly<Record<string, (event: Message) => R>>,
  ): ((event: Message) => R) => {
    return (event) => {
      const type = eventTypes.get(event.$typeName);
      const answer = type === undefined ? undefined : by[type];
      if (answer === undefined) {
        throw new TypeError(`the game has no ${what} for ${event.$typeName}`);
      }
      return answer(event);
    };
  };
  return {
    name: definition.name,
    version: definition.version,
    worldFormat: definition.worldFormat ?? 1,
    descriptors: filesOf(contracts, definition.sends),
    hex,
    ...(ledger === undefined ? {} : { ledger: ask("ledger entry", ledger) }),
    ...(standing === undefined ? {} : { standing: ask("standing", standing) }),
    ...(definition.samples === undefined ? {} : { samples: definition.samples }),
  };
}

function filesOf(
  contracts: readonly ContractSet[],
  sends: readonly DescFile[] = [],
): readonly DescFile[] {
  const files = new Map<string, DescFile>();
  for (const set of [hexContracts, ...contracts, { files: sends }]) {
    for (const file of set.files) files.set(file.name, file);
  }
  return [...files.values()];
}

/** The types on the wire by the names of their messages. */
function typesOf(
  contracts: readonly ContractSet[],
  kind: "commands" | "events",
): ReadonlyMap<string, string> {
  const types = new Map<string, string>();
  for (const set of contracts) {
    for (const [type, { schema }] of Object.entries(set[kind])) {
      if (types.has(schema.typeName)) throw new TypeError(`${type} is in two sets of contracts`);
      types.set(schema.typeName, type);
    }
  }
  return types;
}

/** What the types say, for games that were compiled without them, and what they cannot say. */
function check(
  contracts: readonly ContractSet[],
  definition: {
    readonly commands: object;
    readonly events: object;
    readonly ledger?: object | undefined;
    readonly standing?: object | undefined;
  },
): void {
  const faults: string[] = [];
  const isThere = (part: object | undefined, type: string): boolean =>
    typeof (part as Readonly<Record<string, unknown>> | undefined)?.[type] === "function";
  for (const { commands, events } of contracts) {
    for (const type of Object.keys(commands)) {
      if (!decidedHere.has(type) && !isThere(definition.commands, type)) {
        faults.push(`commands: ${type} is decided by nobody`);
      }
    }
    for (const [type, { consumers }] of Object.entries(events)) {
      if (!isThere(definition.events, type)) faults.push(`events: ${type} is folded by nobody`);
      if (platformEvents.has(type)) continue;
      for (const [part, service] of [
        ["ledger", "inventory"],
        ["standing", "governance"],
      ] as const) {
        if (consumers.includes(service) && !isThere(definition[part], type)) {
          faults.push(`${part}: ${type} is for ${service}, and nobody says what it is worth`);
        }
      }
    }
  }
  const views = contracts.flatMap(({ view }) =>
    view === undefined || view === (ReadableViewSchema as GenMessage<Message>) ? [] : [view],
  );
  if (views.length > 1) {
    const names = views.map((view) => view.typeName).join(" and ");
    faults.push(`a game has one view, and its contracts name ${names}`);
  }
  if (faults.length > 0) throw new TypeError(faults.join("\n"));
}
