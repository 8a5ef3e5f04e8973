/**
 * Prints a compiled proto2 file as `.proto` text.
 *
 * `buf/validate/validate.proto` is in no npm package, but its descriptor is, inside
 * `@bufbuild/protovalidate`. buf needs the text to compile our own files without a network, so it is
 * printed at generation time and never committed. Only what that file uses is printed: messages,
 * enums, oneofs, extensions, reserved ranges and options; anything else is an error rather than a gap.
 */
import {
  type DescField,
  type DescMessage,
  type Message,
  type Registry,
  ScalarType,
  getExtension,
  hasExtension,
  isFieldSet,
} from "@bufbuild/protobuf";
import { reflect, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  type FileDescriptorProto,
  FileOptionsSchema,
} from "@bufbuild/protobuf/wkt";

/** Prints `file`; extensions in options are looked up in `registry`. Throws on what it cannot print. */
export function printProto(file: FileDescriptorProto, registry: Registry): string {
  if (file.syntax !== "" && file.syntax !== "proto2") {
    throw new Error(`${file.name}: only proto2 files can be printed, this one is ${file.syntax}`);
  }
  if (file.service.length > 0) throw new Error(`${file.name}: services are not printed`);
  const lines = ['syntax = "proto2";', `package ${file.package};`];
  for (const dependency of file.dependency) lines.push(`import "${dependency}";`);
  if (file.options !== undefined) {
    for (const option of optionsOf(FileOptionsSchema, file.options, registry)) {
      lines.push(`option ${option};`);
    }
  }
  for (const message of file.messageType) lines.push(...printMessage(message, registry));
  for (const item of file.enumType) lines.push(...printEnum(item));
  for (const extension of file.extension) {
    lines.push(`extend ${extension.extendee} {`, printField(extension, registry), "}");
  }
  return `${lines.join("\n")}\n`;
}

function printMessage(message: DescriptorProto, registry: Registry): string[] {
  const lines = [`message ${message.name} {`];
  for (const field of message.field) {
    if (!inOneof(field)) lines.push(printField(field, registry));
  }
  for (const [index, oneof] of message.oneofDecl.entries()) {
    lines.push(`oneof ${oneof.name} {`);
    for (const field of message.field) {
      if (inOneof(field) && field.oneofIndex === index) lines.push(printField(field, registry));
    }
    lines.push("}");
  }
  for (const nested of message.nestedType) lines.push(...printMessage(nested, registry));
  for (const item of message.enumType) lines.push(...printEnum(item));
  for (const range of message.extensionRange) {
    const end = range.end > 536_870_911 ? "max" : String((range.end ?? 0) - 1);
    lines.push(`extensions ${range.start} to ${end};`);
  }
  lines.push(...reservedLines(message.reservedRange, message.reservedName, 1), "}");
  return lines;
}

function printEnum(item: EnumDescriptorProto): string[] {
  return [
    `enum ${item.name} {`,
    ...item.value.map((value) => `${value.name} = ${value.number};`),
    ...reservedLines(item.reservedRange, item.reservedName, 0),
    "}",
  ];
}

/** @param past 1 where the descriptor's `end` is exclusive (messages), 0 where inclusive (enums). */
function reservedLines(
  ranges: readonly { start?: number; end?: number }[],
  names: readonly string[],
  past: 0 | 1,
): string[] {
  const lines = ranges.map((range) => `reserved ${range.start} to ${(range.end ?? 0) - past};`);
  if (names.length > 0) lines.push(`reserved ${names.map((name) => `"${name}"`).join(", ")};`);
  return lines;
}

const labels: Record<FieldDescriptorProto_Label, string> = {
  [FieldDescriptorProto_Label.OPTIONAL]: "optional",
  [FieldDescriptorProto_Label.REPEATED]: "repeated",
  [FieldDescriptorProto_Label.REQUIRED]: "required",
};

/** `oneof_index` 0 is also what an unset one reads as. */
function inOneof(field: FieldDescriptorProto): boolean {
  return isFieldSet(field, FieldDescriptorProtoSchema.field.oneofIndex);
}

function printField(field: FieldDescriptorProto, registry: Registry): string {
  const label = inOneof(field) ? "" : `${labels[field.label]} `;
  const type = field.typeName || FieldDescriptorProto_Type[field.type].toLowerCase();
  const options =
    field.options === undefined ? [] : optionsOf(FieldOptionsSchema, field.options, registry);
  const tail = options.length > 0 ? ` [${options.join(", ")}]` : "";
  return `${label}${type} ${field.name} = ${field.number}${tail};`;
}

/** Each set option of `options` as `name = value`. */
function optionsOf(schema: DescMessage, options: Message, registry: Registry): string[] {
  const out: string[] = [];
  const reflected = reflect(schema, options);
  for (const field of schema.fields) {
    if (reflected.isSet(field)) out.push(`${field.name} = ${valueText(reflected, field)}`);
  }
  let unknown = options.$unknown?.length ?? 0;
  for (const type of registry) {
    if (type.kind !== "extension" || type.extendee.typeName !== schema.typeName) continue;
    if (!hasExtension(options, type) || type.message === undefined) continue;
    const value = getExtension(options, type) as Message;
    out.push(`(${type.typeName}) = ${messageText(reflect(type.message, value))}`);
    unknown -= (options.$unknown ?? []).filter((item) => item.no === type.number).length;
  }
  if (unknown > 0) throw new Error(`${schema.typeName}: an option is not known to the registry`);
  return out;
}

function messageText(message: ReflectMessage): string {
  const parts: string[] = [];
  for (const field of message.desc.fields) {
    if (!message.isSet(field)) continue;
    parts.push(`${field.name}: ${valueText(message, field)}`);
  }
  return `{ ${parts.join(" ")} }`;
}

function valueText(message: ReflectMessage, field: DescField): string {
  switch (field.fieldKind) {
    case "list": {
      const items = [...message.get(field)].map((item) =>
        field.listKind === "message"
          ? messageText(item as ReflectMessage)
          : scalarText(item, field.listKind === "scalar" ? field.scalar : ScalarType.INT32),
      );
      return `[${items.join(", ")}]`;
    }
    case "message":
      return messageText(message.get(field));
    case "enum":
      return field.enum.value[message.get(field)]?.name ?? String(message.get(field));
    case "scalar":
      return scalarText(message.get(field), field.scalar);
    default:
      throw new Error(`${field.parent.typeName}.${field.name}: maps are not printed`);
  }
}

function scalarText(value: unknown, scalar: ScalarType): string {
  if (scalar === ScalarType.STRING) return JSON.stringify(value);
  if (scalar === ScalarType.BYTES) throw new Error("bytes in options are not printed");
  return String(value);
}
