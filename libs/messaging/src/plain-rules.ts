/**
 * Rules that need no validator: ranges of whole numbers, lengths, known values of enums. Nearly all of ours are
 * of this kind, and every command is asked twice, at the gateway and before it is decided; the validator makes
 * some twenty objects to find that nothing is wrong.
 * Derived from the same options as the validator's own rules; `plain-rules.test.ts` holds one to the other.
 */
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  getOption,
  hasOption,
  type Message,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import {
  field as fieldOption,
  type FieldRules,
  FieldRulesSchema,
  message as messageOption,
  oneof as oneofOption,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/** True only for what certainly keeps its rules; false says nothing. */
export type PlainCheck = (message: Message) => boolean;

/** Undefined when `schema` has a rule of another kind: then only the validator can tell. */
export function plainCheckOf(schema: DescMessage): PlainCheck | undefined {
  const checks = checksOf(schema, []);
  return checks && ((message) => keepsAll(checks, message));
}

type Fields = Readonly<Record<string, unknown>>;
type FieldCheck = (fields: Fields) => boolean;
type ValueCheck = (value: never) => boolean;

function keepsAll(checks: readonly FieldCheck[], message: Fields): boolean {
  for (let i = 0; i < checks.length; i++) {
    if (!checks[i]!(message)) return false;
  }
  return true;
}

/** @param above the messages that this one is in. */
function checksOf(schema: DescMessage, above: readonly DescMessage[]): FieldCheck[] | undefined {
  if (above.includes(schema) || hasOption(schema, messageOption)) return undefined;
  if (schema.oneofs.some((oneof) => hasOption(oneof, oneofOption))) return undefined;
  const checks: FieldCheck[] = [];
  for (const field of schema.fields) {
    const more = fieldChecks(field, [...above, schema]);
    if (more === undefined) return undefined;
    checks.push(...more);
  }
  return checks;
}

function fieldChecks(field: DescField, above: readonly DescMessage[]): FieldCheck[] | undefined {
  const inner = field.message === undefined ? [] : checksOf(field.message, above);
  if (inner === undefined) return undefined;
  const isOne = field.fieldKind === "message";
  // Where a value is to be looked for first: behind a oneof, in a list or map.
  if (inner.length > 0 && (!isOne || field.oneof !== undefined)) return undefined;
  const name = field.localName;
  if (!hasOption(field, fieldOption)) {
    if (inner.length === 0) return [];
    return [
      (fields) => {
        const value = fields[name] as Fields | undefined;
        return value === undefined || keepsAll(inner, value);
      },
    ];
  }
  if (isOne || field.oneof !== undefined) return undefined;
  const isOptional = field.presence === FeatureSet_FieldPresence.EXPLICIT;
  const check = isOptional ? undefined : valueCheck(field, getOption(field, fieldOption));
  return check && [(fields) => check(fields[name] as never)];
}

function valueCheck(field: DescField, rules: FieldRules): ValueCheck | undefined {
  const { type } = rules;
  const set = setFields(reflect(FieldRulesSchema, rules));
  // Whatever else is set, such as `required`, `ignore` or an expression, is none of the plain rules.
  // So is what somebody has predefined: an extension.
  if (type.value === undefined || set.size !== 1 || type.value.$unknown !== undefined) {
    return undefined;
  }
  const [ofType] = set.values();
  const limits = setFields(ofType as ReflectMessage);
  switch (type.case) {
    case "int32":
    case "sint32":
    case "uint32":
    case "fixed32":
    case "sfixed32":
      return rangeCheck(limits);
    case "int64":
    case "sint64":
    case "uint64":
    case "fixed64":
    case "sfixed64":
      return field.fieldKind === "scalar" && !field.longAsString ? rangeCheck(limits) : undefined;
    case "string":
      return lengthCheck(limits, { min: "min_len", max: "max_len" }, (least) => 2 * least - 1);
    case "bytes":
      return lengthCheck(
        limits,
        { min: "min_len", max: "max_len", exact: "len" },
        (least) => least,
      );
    case "repeated":
      return lengthCheck(limits, { min: "min_items", max: "max_items" }, (least) => least);
    case "enum":
      return field.fieldKind === "enum" ? enumCheck(limits, field.enum) : undefined;
    default:
      return undefined;
  }
}

type Limits = ReadonlyMap<string, unknown>;

function setFields(message: ReflectMessage): Limits {
  const fields = message.fields.filter((field) => message.isSet(field));
  return new Map(fields.map((field) => [field.name, message.get(field)]));
}

function knowsAll(limits: Limits, ...known: readonly string[]): boolean {
  return [...limits.keys()].every((name) => known.includes(name));
}

/** Numbers and bigints are compared alike. */
function rangeCheck(limits: Limits): ValueCheck | undefined {
  if (!knowsAll(limits, "gt", "gte", "lt", "lte")) return undefined;
  const [above, below] = [limits.get("gt"), limits.get("lt")] as (bigint | undefined)[];
  const [least, most] = [limits.get("gte"), limits.get("lte")] as (bigint | undefined)[];
  // The other way round they would exclude a range.
  if ((above ?? least ?? 0n) >= (below ?? most ?? Number.POSITIVE_INFINITY)) return undefined;
  return (value: bigint | number) =>
    (above === undefined || value > above) &&
    (least === undefined || value >= least) &&
    (below === undefined || value < below) &&
    (most === undefined || value <= most);
}

/**
 * @param sure the length that makes certain of a least one: a text's rules count characters, and one of them
 * is at most two units of UTF-16.
 */
function lengthCheck(
  limits: Limits,
  names: { readonly min: string; readonly max: string; readonly exact?: string },
  sure: (least: number) => number,
): ValueCheck | undefined {
  const { min, max, exact = "" } = names;
  if (!knowsAll(limits, min, max, exact)) return undefined;
  const number = (name: string): number | undefined =>
    limits.has(name) ? Number(limits.get(name)) : undefined;
  const least = number(exact) ?? sure(number(min) ?? 0);
  const most = number(exact) ?? number(max) ?? Number.POSITIVE_INFINITY;
  return ({ length }: { readonly length: number }) => length >= least && length <= most;
}

function enumCheck(limits: Limits, { values }: DescEnum): ValueCheck | undefined {
  if (!knowsAll(limits, "defined_only", "not_in")) return undefined;
  const not = new Set((limits.get("not_in") ?? []) as Iterable<number>);
  if (limits.get("defined_only") !== true) return (value: number) => !not.has(value);
  const fine = new Set(values.map(({ number }) => number).filter((number) => !not.has(number)));
  return (value: number) => fine.has(value);
}
