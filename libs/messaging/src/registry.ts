/**
 * Every message that travels with an envelope, built from descriptors at start. There is no second list.
 */
import {
  type DescField,
  type DescFile,
  type DescMessage,
  getOption,
  hasOption,
  ScalarType,
} from "@bufbuild/protobuf";
import {
  Audience,
  contract,
  Durability,
  type MessageContract,
  Sender,
  Step,
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
  /** Commands to a domain service: the field that says what it is about; undefined = the account that sends it. */
  readonly subjectField: DescField | undefined;
  readonly step: Step;
  /** Whom the event is for besides services. */
  readonly audiences: ReadonlySet<Audience>;
  /** Asked steps: type of the command that asks for the end. */
  readonly cancel: string;
  /** Asked steps: type of the command that answers. */
  readonly end: string;
}

/** The message that observers get of a hex. */
export interface ViewEntry {
  readonly schema: DescMessage;
  /** Its name on the wire. */
  readonly type: string;
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
  const { version, type } = getOption(schema, view);
  if (version < 1) faults.push(`${schema.typeName}: the version of a view must be at least 1`);
  return { schema, type: type || schema.typeName, version };
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
    option.refusalDetail !== "" ||
    option.subject !== "" ||
    option.step !== Step.UNSPECIFIED
  ) {
    fault(
      "durability, senders, refusals, results, refusal_detail, subject and step are for commands",
    );
  }
  if (kind === "command" && option.audiences.length > 0) fault("audiences are for events");
  if (option.audiences.includes(Audience.UNSPECIFIED)) fault("an audience is a player or a topic");
  for (const what of stepFaults(option)) fault(what);
  const subjectField = schema.fields.find(({ name }) => name === option.subject);
  if (option.subject !== "") {
    const isText =
      subjectField?.fieldKind === "scalar" && subjectField.scalar === ScalarType.STRING;
    if (!isText) fault(`subject ${option.subject} is no string field of the message`);
    if (!option.senders.includes(Sender.CLIENT)) fault("a subject is read of what clients send");
    if (option.type.startsWith("cmd.hex.")) fault("what is for a hex has a key, and no subject");
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
    subjectField,
    step: option.step,
    audiences: new Set(option.audiences),
    cancel: option.cancel,
    end: option.end,
  };
}

/** Of the commands that it names the registry may lack the files: a gate looks for them among all. */
function stepFaults({ step, cancel, end, refusals, durability }: MessageContract): string[] {
  const faults: string[] = [];
  if (step !== Step.UNSPECIFIED && durability !== Durability.DURABLE) {
    faults.push("a step is DURABLE");
  }
  if (step === Step.ASKED) {
    for (const [name, type] of Object.entries({ cancel, end })) {
      if (!type.startsWith("cmd.")) {
        faults.push(`an asked step names its ${name}, a command, not ${JSON.stringify(type)}`);
      }
    }
  } else if (cancel !== "" || end !== "") {
    faults.push("cancel and end are for asked steps");
  }
  if (step === Step.OWED) {
    const refused = refusals.filter((reason) => reason !== overtaken);
    if (refused.length > 0) {
      faults.push(
        `an owed step is refused for nothing but ${overtaken}, not ${refused.join(", ")}`,
      );
    }
  }
  return faults;
}

/** A later step of the same thing has been applied: the one refusal of an owed step. */
const overtaken = "stale-number";
