/**
 * Every message that travels with an envelope, built from descriptors at start. There is no second list.
 */
import { type DescFile, type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import {
  contract,
  Durability,
  type MessageContract,
  type Sender,
  view,
} from "@hexhold/gen/hexhold/options/v1/options_pb";

/** What is known of one message type. */
export interface MessageEntry {
  readonly type: string;
  readonly messageVersion: number;
  /** Oldest version that a gateway still takes from clients. */
  readonly minVersion: number;
  readonly schema: DescMessage;
  /** The word behind `cmd.` or `evt.`: who handles the command, or whose event it is. */
  readonly service: string;
  readonly kind: "command" | "event";
  /** Events: `UNSPECIFIED`. */
  readonly durability: Durability;
  readonly senders: ReadonlySet<Sender>;
  readonly consumers: readonly string[];
  readonly refusals: ReadonlySet<string>;
  readonly resultSchema: DescMessage | undefined;
  readonly refusalDetailSchema: DescMessage | undefined;
}

/** The message that observers get of a hex. */
export interface ViewEntry {
  readonly schema: DescMessage;
  readonly version: number;
}

/** Looks messages up by type name or by descriptor. */
export interface MessageRegistry {
  readonly entries: readonly MessageEntry[];
  /** The game's, or the platform's for a game without one; undefined: the files have neither. */
  readonly view: ViewEntry | undefined;
  byType(type: string): MessageEntry | undefined;
  /** The entry of a message that must have one. Throws when the message carries no contract option. */
  bySchema(schema: DescMessage): MessageEntry;
}

/** The descriptors contradict themselves; every fault is listed. */
export class RegistryError extends Error {
  readonly code = "REGISTRY";
  constructor(faults: readonly string[]) {
    super(`message contracts are not usable:\n  ${faults.join("\n  ")}`);
    this.name = "RegistryError";
  }
}

const typePattern = /^(cmd|evt)\.[a-z]+(?:\.[a-z]+(?:-[a-z]+)*)$/;
const kebabPattern = /^[a-z]+(?:-[a-z]+)*$/;

/** Builds the registry from `files`. Throws {@link RegistryError} with all faults together. */
export function createMessageRegistry(files: readonly DescFile[]): MessageRegistry {
  const faults: string[] = [];
  const messages = new Map(files.flatMap((file) => file.messages.map((m) => [m.typeName, m])));
  const byType = new Map<string, MessageEntry>();
  const bySchema = new Map<string, MessageEntry>();
  const seen = viewAmong(messages.values(), faults);
  for (const schema of messages.values()) {
    if (!hasOption(schema, contract)) continue;
    const entry = entryOf(schema, getOption(schema, contract), messages, seen, faults);
    if (byType.has(entry.type)) faults.push(`${schema.typeName}: type ${entry.type} is taken`);
    byType.set(entry.type, entry);
    bySchema.set(schema.typeName, entry);
  }
  if (faults.length > 0) throw new RegistryError(faults);
  return {
    entries: [...byType.values()],
    view: seen,
    byType: (type) => byType.get(type),
    bySchema: (schema) => {
      const entry = bySchema.get(schema.typeName);
      if (entry === undefined) throw new TypeError(`${schema.typeName} carries no contract option`);
      return entry;
    },
  };
}

/** What a game without a view of its own has. */
const platformView = "hexhold.hex.v1.ReadableView";

function viewAmong(messages: Iterable<DescMessage>, faults: string[]): ViewEntry | undefined {
  const views = [...messages].filter((schema) => hasOption(schema, view));
  const own = views.filter(({ typeName }) => typeName !== platformView);
  if (own.length > 1) {
    faults.push(`a game has one view, not ${own.map(({ typeName }) => typeName).join(" and ")}`);
  }
  const schema = own[0] ?? views[0];
  if (schema === undefined) return undefined;
  const { version } = getOption(schema, view);
  if (version < 1) faults.push(`${schema.typeName}: the version of a view must be at least 1`);
  return { schema, version };
}

function entryOf(
  schema: DescMessage,
  option: MessageContract,
  messages: ReadonlyMap<string, DescMessage>,
  seen: ViewEntry | undefined,
  faults: string[],
): MessageEntry {
  const fault = (what: string): void => void faults.push(`${schema.typeName}: ${what}`);
  const kind = option.type.startsWith("evt.") ? "event" : "command";
  if (!typePattern.test(option.type)) {
    fault(
      `type ${JSON.stringify(option.type)} is not cmd.<service>.<verb> or evt.<service>.<past>`,
    );
  }
  if (option.version < 1) fault("version must be at least 1");
  if (option.minVersion > option.version) fault("min_version is above version");
  if (kind === "command") {
    if (option.durability === Durability.UNSPECIFIED) fault("a command needs a durability");
    if (option.senders.length === 0) fault("a command needs senders");
    if (option.consumers.length > 0) fault("consumers are for events");
  } else if (
    option.durability !== Durability.UNSPECIFIED ||
    option.senders.length > 0 ||
    option.refusals.length > 0 ||
    option.result !== "" ||
    option.resultIsView ||
    option.refusalDetail !== ""
  ) {
    fault("durability, senders, refusals, results and refusal_detail are for commands");
  }
  if (option.resultIsView && option.result !== "")
    fault("result and result_is_view exclude each other");
  if (option.resultIsView && seen === undefined) fault("none of the files has a view");
  for (const reason of option.refusals) {
    if (!kebabPattern.test(reason)) fault(`refusal ${JSON.stringify(reason)} is not kebab-case`);
  }
  const named = (typeName: string): DescMessage | undefined => {
    if (typeName === "") return undefined;
    const found = messages.get(typeName);
    if (found === undefined) fault(`${typeName} is in none of the files`);
    return found;
  };
  return {
    type: option.type,
    messageVersion: option.version,
    minVersion: option.minVersion || 1,
    schema,
    service: option.type.split(".")[1] ?? "",
    kind,
    durability: option.durability,
    senders: new Set(option.senders),
    consumers: option.consumers,
    refusals: new Set(option.refusals),
    resultSchema: option.resultIsView ? seen?.schema : named(option.result),
    refusalDetailSchema: named(option.refusalDetail),
  };
}
