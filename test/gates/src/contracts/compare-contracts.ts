/** What changed between two sets of descriptors and should not have. Pure. */
import {
  clearExtension,
  clone,
  type DescMessage,
  type FileRegistry,
  getOption,
  hasOption,
  toBinary,
} from "@bufbuild/protobuf";
import {
  DescriptorProtoSchema,
  EnumDescriptorProtoSchema,
  FieldDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import {
  contract,
  type MessageContract,
  Step,
  view,
} from "@hexhold/gen/hexhold/options/v1/options_pb";
import { tightenedRules } from "./tightened-rules.ts";

/** @returns One text for each fault, naming the message and what to do. */
export function compareContracts(frozen: FileRegistry, current: FileRegistry): string[] {
  return [
    ...vanishedTypes(frozen, current),
    ...messagesOf(frozen).flatMap((old) => {
      const now = current.getMessage(old.typeName) ?? movedTo(old, current);
      // buf says so when a message is gone.
      if (now === undefined) return [];
      return [
        ...tightenedRules(old, now),
        ...renamedView(old, now),
        ...unraisedVersion(old, now, frozen, current),
      ];
    }),
  ];
}

function messagesOf(registry: FileRegistry): DescMessage[] {
  return [...registry].filter(
    (type) => type.kind === "message" && type.file.proto.package.startsWith("hexhold."),
  ) as DescMessage[];
}

/** The message that carries the contract of `old` in another package. What is on the wire is its type, not its name. */
function movedTo(old: DescMessage, current: FileRegistry): DescMessage | undefined {
  const type = contractOf(old)?.type;
  if (type === undefined) return undefined;
  return messagesOf(current).find((message) => contractOf(message)?.type === type);
}

/** Names of the package into which a message has moved, as those of the package where it was. */
function renaming(old: DescMessage, now: DescMessage, frozen: FileRegistry): Rename {
  const [from, to] = [old, now].map(({ file }) => `${file.proto.package}.`) as [string, string];
  if (from === to) return (name) => name;
  return (name) => {
    const before = `${from}${name.slice(to.length)}`;
    return name.startsWith(to) && frozen.get(before) !== undefined ? before : name;
  };
}

type Rename = (typeName: string) => string;

/** A view is known by its name on the wire, which a client's fold names. */
function renamedView(old: DescMessage, now: DescMessage): string[] {
  const [before, after] = [old, now].map((message) =>
    hasOption(message, view) ? getOption(message, view).type || message.typeName : undefined,
  );
  return before === undefined || before === after
    ? []
    : [
        `${now.typeName}: its name on the wire was ${before} and is ${after ?? "none"}: keep it (type)`,
      ];
}

function viewVersionOf(message: DescMessage): number | undefined {
  return hasOption(message, view) ? getOption(message, view).version : undefined;
}

function contractOf(message: DescMessage): MessageContract | undefined {
  return hasOption(message, contract) ? getOption(message, contract) : undefined;
}

function vanishedTypes(frozen: FileRegistry, current: FileRegistry): string[] {
  const served = new Set(messagesOf(current).map((message) => contractOf(message)?.type));
  return messagesOf(frozen).flatMap((message) => {
    const type = contractOf(message)?.type;
    return type === undefined || served.has(type)
      ? []
      : [`${message.typeName}: the type ${type} is gone, but somebody may still send it`];
  });
}

function unraisedVersion(
  old: DescMessage,
  now: DescMessage,
  frozen: FileRegistry,
  current: FileRegistry,
): string[] {
  const before = contractOf(old)?.version ?? viewVersionOf(old);
  const after = contractOf(now)?.version ?? viewVersionOf(now);
  if (before === undefined || after === undefined) return [];
  if (after > before) return [];
  const subject = `${now.typeName} (${contractOf(now)?.type ?? "view"})`;
  if (after < before) return [`${subject}: its version fell from ${before} to ${after}`];
  const rename = renaming(old, now, frozen);
  const changed = changedParts(
    partsOf(old, frozen, (name) => name),
    partsOf(now, current, rename),
  );
  return changed.length === 0
    ? []
    : [`${subject} changed (${changed.join(", ")}) but is still version ${after}: raise it`];
}

/**
 * What a message consists of, part by part, as bytes: its fields with their rules and those of every message
 * and enum that it, its result or its refusal's detail contains; and of its contract what a sender sees. The
 * order of declarations, reserved numbers, `version`, `min_version` and `consumers` change nothing for a sender.
 */
function partsOf(
  message: DescMessage,
  registry: FileRegistry,
  rename: Rename,
): Map<string, string> {
  const parts = new Map<string, string>();
  const seen = new Set<string>();
  const visit = (part: DescMessage): void => {
    if (seen.has(part.typeName)) return;
    seen.add(part.typeName);
    const own = clone(DescriptorProtoSchema, part.proto);
    Object.assign(own, {
      field: [],
      nestedType: [],
      enumType: [],
      reservedRange: [],
      reservedName: [],
    });
    if (own.options !== undefined) {
      clearExtension(own.options, contract);
      clearExtension(own.options, view);
    }
    const name = rename(part.typeName);
    parts.set(name, hex(toBinary(DescriptorProtoSchema, own)));
    for (const field of part.fields) {
      const written = clone(FieldDescriptorProtoSchema, field.proto);
      if (written.typeName !== "") written.typeName = `.${rename(written.typeName.slice(1))}`;
      parts.set(`${name}.${field.name}`, hex(toBinary(FieldDescriptorProtoSchema, written)));
      if (field.message !== undefined && !isForeign(field.message)) visit(field.message);
      if (field.enum !== undefined) {
        const own = clone(EnumDescriptorProtoSchema, field.enum.proto);
        Object.assign(own, { reservedRange: [], reservedName: [] });
        own.value.sort((a, b) => a.number - b.number);
        parts.set(rename(field.enum.typeName), hex(toBinary(EnumDescriptorProtoSchema, own)));
      }
    }
  };
  visit(message);
  const {
    durability,
    senders = [],
    refusals = [],
    result = "",
    resultIsView = false,
    refusalDetail = "",
    subject = "",
    step = Step.UNSPECIFIED,
    cancel = "",
    end = "",
  } = contractOf(message) ?? {};
  parts.set("durability", String(durability));
  parts.set("senders", [...senders].sort((a, b) => a - b).join());
  parts.set("refusals", [...refusals].sort().join());
  parts.set("result_is_view", String(resultIsView));
  parts.set("subject", subject);
  parts.set("step", [step, cancel, end].join());
  for (const [part, name] of [
    ["result", result],
    ["refusal_detail", refusalDetail],
  ] as const) {
    parts.set(part, rename(name));
    const contained = registry.getMessage(name);
    if (contained !== undefined) visit(contained);
  }
  return parts;
}

/** Google's own types are not ours to version. */
function isForeign(message: DescMessage): boolean {
  return message.typeName.startsWith("google.");
}

function changedParts(before: Map<string, string>, after: Map<string, string>): string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => before.get(name) !== after.get(name)).sort();
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
