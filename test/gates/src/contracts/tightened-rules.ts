/**
 * Whether a message that was valid under the old rules may be refused under the new ones. `buf breaking` does
 * not look at rules. What cannot be told from the rules alone (another pattern, another expression) counts as
 * tighter; a rule that is gone, or a wider range, is looser. Pure.
 */
import {
  create,
  type DescField,
  type DescMessage,
  equals,
  getOption,
  hasOption,
  toJsonString,
} from "@bufbuild/protobuf";
import { reflect, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import {
  field as fieldOption,
  type FieldRules,
  FieldRulesSchema,
  Ignore,
  message as messageOption,
  MessageRulesSchema,
  oneof as oneofOption,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { boundsOf, isTighter } from "./bounds.ts";

/** @returns One text for each rule of `now` that refuses what `old` allowed. */
export function tightenedRules(old: DescMessage, now: DescMessage): string[] {
  const known = new Map(old.fields.map((field) => [field.number, field]));
  return [
    ...now.fields.flatMap((field) => {
      const before = known.get(field.number);
      if (before === undefined) return refusedWhenAbsent(field);
      return compareFieldRules(rulesOf(before), rulesOf(field)).map(
        (what) => `${now.typeName}.${field.name}: ${what} is tighter than what was frozen`,
      );
    }),
    ...tighterOneofs(old, now),
    ...tighterMessageRules(old, now),
  ];
}

function rulesOf(field: DescField): FieldRules {
  return hasOption(field, fieldOption) ? getOption(field, fieldOption) : create(FieldRulesSchema);
}

/** An older sender does not know the field: a message without it must stay valid. Asks the validator itself. */
function refusedWhenAbsent(field: DescField): string[] {
  if (!hasOption(field, fieldOption)) return [];
  const result = createValidator().validate(field.parent, create(field.parent));
  if (result.kind === "error") throw result.error;
  const own = (result.violations ?? []).filter((violation) => {
    const [first] = violation.field;
    return first?.kind === "field" && first.number === field.number;
  });
  return own.map(
    (violation) =>
      `${field.parent.typeName}.${field.name}: a new field that older senders leave out is refused (${violation.message})`,
  );
}

/** The names of the rules that became tighter, with their values. */
export function compareFieldRules(old: FieldRules, now: FieldRules): string[] {
  if (now.ignore === Ignore.ALWAYS || equals(FieldRulesSchema, old, now)) return [];
  // What was ignored entirely had no rules.
  const before = old.ignore === Ignore.ALWAYS ? create(FieldRulesSchema) : old;
  const tighter: string[] = [];
  if (now.required && !before.required) tighter.push("required");
  if (before.ignore === Ignore.IF_ZERO_VALUE && now.ignore === Ignore.UNSPECIFIED) {
    tighter.push("ignore");
  }
  tighter.push(...newEntries(before.cel.map(text), now.cel.map(text), "cel"));
  tighter.push(...newEntries(before.celExpression, now.celExpression, "cel_expression"));
  if (now.type.case !== undefined) {
    const rules = reflectType(now);
    const earlier = before.type.case === now.type.case ? reflectType(before) : undefined;
    tighter.push(...compareTypeRules(earlier, rules).map((rule) => `${now.type.case}.${rule}`));
  }
  return tighter;
}

/** The rules of the field's type as a message: `StringRules`, `Int64Rules`, … */
function reflectType(rules: FieldRules): ReflectMessage {
  const holder = reflect(FieldRulesSchema, rules);
  const set = FieldRulesSchema.fields.find(
    (candidate) => candidate.oneof?.name === "type" && holder.isSet(candidate),
  );
  if (set?.fieldKind !== "message") throw new Error("rules without a type");
  return holder.get(set);
}

function compareTypeRules(old: ReflectMessage | undefined, now: ReflectMessage): string[] {
  const tighter = tighterBounds(old, now);
  for (const rule of now.desc.fields) {
    if (isBound(now, rule) || !now.isSet(rule)) continue;
    const before = old?.isSet(rule) === true ? valueOf(old, rule) : undefined;
    const after = valueOf(now, rule);
    if (rule.message?.typeName === FieldRulesSchema.typeName) {
      const nested = compareFieldRules(
        (old?.isSet(rule) === true ? (before as FieldRules) : undefined) ??
          create(FieldRulesSchema),
        after as FieldRules,
      );
      tighter.push(...nested.map((name) => `${rule.name}.${name}`));
    } else if (isTighterRule(rule, before, after)) {
      tighter.push(`${rule.name} ${print(after)}`);
    }
  }
  return [...tighter, ...tighterWhenGone(old, now)];
}

/** Rules that allow something: without them less is allowed. */
function tighterWhenGone(old: ReflectMessage | undefined, now: ReflectMessage): string[] {
  const strict = old?.desc.fields.find((rule) => rule.name === "strict");
  if (old === undefined || strict === undefined || !old.isSet(strict)) return [];
  return old.get(strict) === false && !now.isSet(strict) ? ["strict"] : [];
}

const boundNames = new Set(
  ["lt", "lte", "gt", "gte", "const", "len", "min_len", "max_len", "len_bytes", "min_bytes"].concat(
    ["max_bytes", "min_items", "max_items", "min_pairs", "max_pairs"],
  ),
);

/** A rule with a number, that {@link boundsOf} understands. */
function isBound(rules: ReflectMessage, rule: DescField): boolean {
  if (!boundNames.has(rule.name)) return false;
  const value: unknown = rules.get(rule);
  return typeof value === "number" || typeof value === "bigint";
}

function tighterBounds(old: ReflectMessage | undefined, now: ReflectMessage): string[] {
  const before = old === undefined ? new Map() : boundsOf(old);
  return [...boundsOf(now)].flatMap(([name, range]) =>
    isTighter(before.get(name), range) ? [range.text] : [],
  );
}

function isTighterRule(rule: DescField, before: unknown, after: unknown): boolean {
  if (rule.name === "strict") return before === false && after === true;
  if (rule.name === "in") {
    const allowed = new Set((after as unknown[]).map(print));
    return before === undefined || (before as unknown[]).some((item) => !allowed.has(print(item)));
  }
  if (rule.name === "not_in") {
    const refused = new Set(((before as unknown[] | undefined) ?? []).map(print));
    return (after as unknown[]).some((item) => !refused.has(print(item)));
  }
  // Examples restrict nothing; `unique: false` is the same as none.
  if (rule.name === "example" || after === false) return false;
  return before === undefined || print(before) !== print(after);
}

function valueOf(rules: ReflectMessage, rule: DescField): unknown {
  if (rule.fieldKind === "list") {
    return [...rules.get(rule)].map((item) =>
      rule.listKind === "message" ? (item as ReflectMessage).message : item,
    );
  }
  return rule.fieldKind === "message" ? rules.get(rule).message : rules.get(rule);
}

function print(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  return (
    JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? String(item) : item)) ??
    ""
  );
}

function text(rule: { readonly id: string; readonly expression: string }): string {
  return `${rule.id}: ${rule.expression}`;
}

function newEntries(old: readonly string[], now: readonly string[], rule: string): string[] {
  return now.filter((entry) => !old.includes(entry)).map((entry) => `${rule} (${entry})`);
}

function tighterOneofs(old: DescMessage, now: DescMessage): string[] {
  const isRequired = (message: DescMessage, name: string): boolean => {
    const oneof = message.oneofs.find((candidate) => candidate.name === name);
    return (
      oneof !== undefined && hasOption(oneof, oneofOption) && getOption(oneof, oneofOption).required
    );
  };
  return now.oneofs
    .filter((oneof) => isRequired(now, oneof.name) && !isRequired(old, oneof.name))
    .map((oneof) => `${now.typeName}.${oneof.name}: required is tighter than what was frozen`);
}

function tighterMessageRules(old: DescMessage, now: DescMessage): string[] {
  const entries = (message: DescMessage): string[] => {
    if (!hasOption(message, messageOption)) return [];
    const rules = getOption(message, messageOption);
    return [
      ...rules.cel.map(text),
      ...rules.celExpression,
      ...rules.oneof.map((rule) => `oneof ${rule.fields.join()} ${String(rule.required)}`),
      ...(rules.$unknown === undefined ? [] : [toJsonString(MessageRulesSchema, rules)]),
    ];
  };
  return newEntries(entries(old), entries(now), "rule").map(
    (what) => `${now.typeName}: ${what} is tighter than what was frozen`,
  );
}
