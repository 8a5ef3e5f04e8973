/** What somebody may have meant who set a variable that is no option. */
import type { z } from "zod";

/** Kubernetes puts these into every pod for each service of its namespace; they are none of ours, whatever the name. */
export function isFromKubernetes(variable: string, value: string): boolean {
  return (
    /_SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?$/.test(variable) ||
    /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(variable) ||
    (variable.endsWith("_PORT") && /^(tcp|udp|sctp):\/\//.test(value))
  );
}

/** The options of a schema, by dotted name; a section that takes any name counts as one option. */
export function optionsOf(schema: z.ZodType, above = ""): string[] {
  const shape = shapeOf(schema);
  if (shape === undefined) return above === "" ? [] : [above];
  return Object.entries(shape).flatMap(([name, inner]) =>
    optionsOf(inner, above === "" ? name : `${above}.${name}`),
  );
}

/** `gateway.socketsMax` → `HEXHOLD_GATEWAY__SOCKETS_MAX`. */
export function variableOf(option: string): string {
  const levels = option
    .split(".")
    .map((level) => level.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase());
  return `HEXHOLD_${levels.join("__")}`;
}

/** The one of `known` that differs in underscores only, or in at most two letters; none if that is no likeness. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const plain = (text: string): string => text.replaceAll(/[_.]/g, "").toLowerCase();
  const wanted = plain(name);
  const lettersMax = wanted.length < 9 ? 1 : 2;
  const [best] = known
    .map((each) => ({ each, letters: distance(wanted, plain(each), lettersMax) }))
    .filter(({ letters }) => letters <= lettersMax)
    .toSorted((a, b) => a.letters - b.letters);
  return best?.each;
}

/** Letters to change, add or drop; swapped neighbours count as one. More than `max` is `max + 1`. */
function distance(a: string, b: string, max: number): number {
  if (Math.abs(a.length - b.length) > max) return max + 1;
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, rows[i - 2]![j - 2]! + 1);
      }
      row.push(cost);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

interface Inside {
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly innerType?: z.ZodType;
  readonly in?: z.ZodType;
}

/** Of an object, through defaults and the like. */
function shapeOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> | undefined {
  const inside = schema.def as Inside;
  if (inside.shape !== undefined) return inside.shape;
  const inner = inside.innerType ?? inside.in;
  return inner === undefined ? undefined : shapeOf(inner);
}
