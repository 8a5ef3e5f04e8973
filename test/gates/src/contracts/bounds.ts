/** Ranges that validation rules allow. */
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";

type Limit = number | bigint;

/** What is allowed: from `lower` to `upper`, both included unless `open`; undefined = no limit. */
export interface Range {
  readonly lower: Limit | undefined;
  readonly upper: Limit | undefined;
  readonly lowerOpen: boolean;
  readonly upperOpen: boolean;
  /** The rules as they are written, for people. */
  readonly text: string;
}

/** Rules that limit the same thing: a lower and an upper one, and one that fixes it. */
const families = {
  value: { lower: "gte", upper: "lte", lowerOpen: "gt", upperOpen: "lt", exact: "const" },
  length: { lower: "min_len", upper: "max_len", exact: "len" },
  bytes: { lower: "min_bytes", upper: "max_bytes", exact: "len_bytes" },
  items: { lower: "min_items", upper: "max_items" },
  pairs: { lower: "min_pairs", upper: "max_pairs" },
} as const;

/** The ranges that the rules of one type (`StringRules`, `Int64Rules`, …) allow, by what they limit. */
export function boundsOf(rules: ReflectMessage): Map<string, Range> {
  const values = new Map<string, Limit>();
  for (const rule of rules.desc.fields) {
    if (!rules.isSet(rule)) continue;
    const value: unknown = rules.get(rule);
    if (typeof value === "number" || typeof value === "bigint") values.set(rule.name, value);
  }
  const isWhole = !/\.(Float|Double)Rules$/.test(rules.desc.typeName);
  const ranges = new Map<string, Range>();
  for (const [name, family] of Object.entries(families)) {
    const range = rangeOf(values, family, isWhole);
    if (range !== undefined) ranges.set(name, range);
  }
  return ranges;
}

interface Family {
  readonly lower: string;
  readonly upper: string;
  readonly lowerOpen?: string;
  readonly upperOpen?: string;
  readonly exact?: string;
}

function rangeOf(
  values: ReadonlyMap<string, Limit>,
  family: Family,
  isWhole: boolean,
): Range | undefined {
  const valueOf = (rule: string | undefined): Limit | undefined =>
    rule === undefined ? undefined : values.get(rule);
  const exact = valueOf(family.exact);
  const above = valueOf(family.lowerOpen);
  const below = valueOf(family.upperOpen);
  // Among whole numbers "less than 11" is "at most 10".
  const lower = exact ?? (isWhole ? shift(above, 1) : above) ?? valueOf(family.lower);
  const upper = exact ?? (isWhole ? shift(below, -1) : below) ?? valueOf(family.upper);
  if (lower === undefined && upper === undefined) return undefined;
  const text = Object.values(family)
    .filter((rule) => values.has(rule))
    .map((rule) => `${rule} ${String(values.get(rule))}`)
    .join(", ");
  return {
    lower,
    upper,
    lowerOpen: !isWhole && exact === undefined && above !== undefined,
    upperOpen: !isWhole && exact === undefined && below !== undefined,
    text,
  };
}

function shift(limit: Limit | undefined, by: 1 | -1): Limit | undefined {
  if (limit === undefined) return undefined;
  return typeof limit === "bigint" ? limit + BigInt(by) : limit + by;
}

/** Whether `now` leaves out something that `old` allowed. */
export function isTighter(old: Range | undefined, now: Range): boolean {
  // "Greater than 10 or less than 5" is written with the limits the wrong way round: never compared.
  if (isInverted(now) || (old !== undefined && isInverted(old))) return old?.text !== now.text;
  return (
    isHigher(now.lower, now.lowerOpen, old?.lower, old?.lowerOpen) ||
    isHigher(negate(now.upper), now.upperOpen, negate(old?.upper), old?.upperOpen)
  );
}

function isInverted({ lower, upper }: Range): boolean {
  return lower !== undefined && upper !== undefined && lower > upper;
}

function isHigher(
  now: Limit | undefined,
  nowOpen: boolean,
  old: Limit | undefined,
  oldOpen = false,
): boolean {
  if (now === undefined) return false;
  if (old === undefined || now > old) return true;
  return now === old && nowOpen && !oldOpen;
}

function negate(limit: Limit | undefined): Limit | undefined {
  return limit === undefined ? undefined : -limit;
}
