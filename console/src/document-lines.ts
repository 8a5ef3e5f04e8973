/** A readable document of a hex as lines of names and values. Pure. */

export interface DocumentLine {
  /** 0: of the document itself; 1: of a part of it, and so on. */
  readonly depth: number;
  readonly name: string;
  /** Undefined: its parts are the lines below. */
  readonly value: string | undefined;
}

export interface DocumentText {
  readonly lines: readonly DocumentLine[];
  /** There is more, beyond a limit. */
  readonly isCut: boolean;
}

/** Of a longer one nothing is shown: it would be read again with every change. */
const charactersMax = 64 * 1024;
const linesMax = 60;
const depthMax = 4;
const nameCharactersMax = 40;
const valueCharactersMax = 160;

/** @returns Undefined when `json` is no JSON object or array. */
export function documentLines(json: string): DocumentText | undefined {
  if (json.length > charactersMax) return { lines: [], isCut: true };
  const parsed = parse(json);
  if (!isCompound(parsed)) return undefined;
  const lines: DocumentLine[] = [];
  let isCut = false;
  const add = (parts: object, depth: number): void => {
    for (const [key, value] of Object.entries(parts)) {
      if (lines.length === linesMax) {
        isCut = true;
        return;
      }
      // People count from one.
      const name = Array.isArray(parts) ? String(Number(key) + 1) : cut(key, nameCharactersMax);
      const text = textOf(value);
      const isTooDeep = text === undefined && depth + 1 === depthMax;
      if (isTooDeep) isCut = true;
      lines.push({ depth, name, value: isTooDeep ? "…" : text });
      if (isCompound(value) && text === undefined && !isTooDeep) add(value, depth + 1);
    }
  };
  add(parsed, 0);
  return { lines, isCut };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function isCompound(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** On one line; undefined when it takes several. */
function textOf(value: unknown): string | undefined {
  if (!isCompound(value)) return cut(plainText(value), valueCharactersMax);
  const parts: unknown[] = Object.values(value);
  if (parts.length === 0) return "none";
  if (!Array.isArray(value) || parts.some(isCompound)) return undefined;
  return cut(parts.map(plainText).join(", "), valueCharactersMax);
}

function plainText(value: unknown): string {
  switch (value) {
    case null:
    case "":
      return "none";
    case true:
      return "yes";
    case false:
      return "no";
    default:
      return String(value);
  }
}

/** By characters as people count them. */
function cut(text: string, charactersAtMost: number): string {
  const characters = Array.from(text);
  return characters.length <= charactersAtMost
    ? text
    : `${characters.slice(0, charactersAtMost - 1).join("")}…`;
}
