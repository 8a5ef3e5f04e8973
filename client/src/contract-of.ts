/** What the descriptor of a command says about it: the SDK has no list of its own. */
import { type DescFile, type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import { contract, Durability } from "@hexhold/gen/hexhold/options/v1/options_pb";

export interface CommandContract {
  readonly type: string;
  readonly messageVersion: number;
  readonly durability: Durability;
  readonly resultSchema: DescMessage | undefined;
  /** The result is the message that the world's game names as its view. */
  readonly resultIsView: boolean;
  readonly refusalDetailSchema: DescMessage | undefined;
}

const known = new WeakMap<DescMessage, CommandContract>();

/** Reads the option `hexhold.options.v1.contract`. Throws a TypeError when `schema` is no command. */
export function contractOf(schema: DescMessage): CommandContract {
  const before = known.get(schema);
  if (before !== undefined) return before;
  const option = hasOption(schema, contract) ? getOption(schema, contract) : undefined;
  if (option === undefined || option.durability === Durability.UNSPECIFIED) {
    throw new TypeError(`${schema.typeName} is no command: it has no contract with a durability`);
  }
  const found: CommandContract = {
    type: option.type,
    messageVersion: option.version,
    durability: option.durability,
    resultSchema: messageNamed(option.result, schema.file),
    resultIsView: option.resultIsView,
    refusalDetailSchema: messageNamed(option.refusalDetail, schema.file),
  };
  known.set(schema, found);
  return found;
}

/** Type of an event on the wire. Throws a TypeError when `schema` is none. */
export function typeOfEvent(schema: DescMessage): string {
  const type = hasOption(schema, contract) ? getOption(schema, contract).type : "";
  if (!type.startsWith("evt.")) throw new TypeError(`${schema.typeName} is no event`);
  return type;
}

/** Looks in the command's own file and in all that it imports. */
function messageNamed(typeName: string, file: DescFile): DescMessage | undefined {
  if (typeName === "") return undefined;
  const seen = new Set<DescFile>();
  const files = [file];
  for (let next = files.pop(); next !== undefined; next = files.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    const found = next.messages.find((message) => message.typeName === typeName);
    if (found !== undefined) return found;
    files.push(...next.dependencies);
  }
  throw new TypeError(`${typeName} is in no file that ${file.name}.proto imports`);
}
