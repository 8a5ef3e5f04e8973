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
import { contract, type MessageContract } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { tightenedRules } from "./tightened-rules.ts";

/** @returns One text for each fault, naming the message and what to do. */
export function compareContracts(frozen: FileRegistry, current: FileRegistry): string[] {
  return [
    ...vanishedTypes(frozen, current),
    ...messagesOf(frozen).flatMap((old) => {
      const now = current.getMessage(old.typeName);
      // buf says so when a message is gone.
      if (now === undefined) return [];
      return [...tightenedRules(old, now), ...unraisedVersion(old, now, frozen, current)];
    }),
  ];
}

function messagesOf(registry: FileRegistry): DescMessage[] {
  return [...registry].filter(
    (type) => type.kind === "message" && type.file.proto.package.startsWith("hexhold."),
  ) as DescMessage[];
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
  const before = contractOf(old);
  const after = contractOf(now);
  if (before === undefined || after === undefined) return [];
  if (after.version > before.version) return [];
  const subject = `${now.typeName} (${after.type})`;
  if (after.version < before.version) {
    return [`${subject}: its version fell from ${before.version} to ${after.version}`];
  }
  const changed = changedParts(partsOf(old, frozen), partsOf(now, current));
  return changed.length === 0
    ? []
    : [
        `${subject} changed (${changed.join(", ")}) but is still version ${after.version}: raise it`,
      ];
}

/**
 * What a message consists of, part by part, as bytes: its fields with their rules and those of every message
 * and enum that it, its result or its refusal's detail contains; and of its contract what a sender sees. The
 * order of declarations, reserved numbers, `version`, `min_version` and `consumers` change nothing for a sender.
 */
function partsOf(message: DescMessage, registry: FileRegistry): Map<string, string> {
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
    if (own.options !== undefined) clearExtension(own.options, contract);
    parts.set(part.typeName, hex(toBinary(DescriptorProtoSchema, own)));
    for (const field of part.fields) {
      parts.set(
        `${part.typeName}.${field.name}`,
        hex(toBinary(FieldDescriptorProtoSchema, field.proto)),
      );
      if (field.message !== undefined && !isForeign(field.message)) visit(field.message);
      if (field.enum !== undefined) {
        const own = clone(EnumDescriptorProtoSchema, field.enum.proto);
        Object.assign(own, { reservedRange: [], reservedName: [] });
        own.value.sort((a, b) => a.number - b.number);
        parts.set(field.enum.typeName, hex(toBinary(EnumDescriptorProtoSchema, own)));
      }
    }
  };
  visit(message);
  const {
    durability,
    senders = [],
    refusals = [],
    result,
    refusalDetail,
  } = contractOf(message) ?? {};
  parts.set("durability", String(durability));
  parts.set("senders", [...senders].sort((a, b) => a - b).join());
  parts.set("refusals", [...refusals].sort().join());
  for (const [part, name] of [
    ["result", result],
    ["refusal_detail", refusalDetail],
  ] as const) {
    parts.set(part, String(name));
    const contained = name === undefined ? undefined : registry.getMessage(name);
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
