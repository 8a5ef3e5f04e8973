/** What a module refers to outside itself, from its syntax tree. */
import { parseAst } from "vitest/node";

export interface ModuleReference {
  /** `./a.ts`, `node:fs`, `@hexhold/hex`, … */
  readonly specifier: string;
  /** Nothing of it is left when the types are stripped. */
  readonly typeOnly: boolean;
  /** From 1. */
  readonly line: number;
}

export interface GlobalReference {
  /** `Date`, `process`, `Math.random`, … */
  readonly name: string;
  readonly line: number;
}

export interface ModuleReferences {
  readonly imports: readonly ModuleReference[];
  readonly globals: readonly GlobalReference[];
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly [field: string]: unknown;
}

/**
 * Imports, exports from elsewhere, `import()` and `import("…")` types with a literal specifier; and each use
 * of one of `globalNames` as a value (`Math.random` for a member of one). Scopes are not looked at: a
 * local variable named `process` counts.
 */
export function referencesOf(
  text: string,
  lang: "ts" | "tsx",
  globalNames: ReadonlySet<string> = new Set(),
): ModuleReferences {
  const imports: ModuleReference[] = [];
  const globals: GlobalReference[] = [];
  const lineOf = (node: Node): number => text.slice(0, node.start).split("\n").length;

  const visit = (value: unknown): void => {
    if (Array.isArray(value)) {
      for (const item of value) visit(item);
      return;
    }
    if (!isNode(value)) return;
    const specifier = isNode(value["source"]) ? value["source"]["value"] : undefined;
    if (typeof specifier === "string" && importing.has(value.type)) {
      imports.push({ specifier, typeOnly: isTypeOnly(value), line: lineOf(value) });
    }
    const name = globalName(value);
    if (name !== undefined && globalNames.has(name)) globals.push({ name, line: lineOf(value) });
    for (const [field, child] of Object.entries(value)) {
      if (!isPlainName(value, field)) visit(child);
    }
  };
  visit(parseAst(text, { lang }));
  return { imports, globals };
}

const importing = new Set([
  "ImportDeclaration",
  "ExportNamedDeclaration",
  "ExportAllDeclaration",
  "ImportExpression",
  "TSImportType",
]);

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value;
}

function isTypeOnly(node: Node): boolean {
  if (node.type === "TSImportType") return true;
  if (node["importKind"] === "type" || node["exportKind"] === "type") return true;
  const specifiers = node["specifiers"];
  return (
    node.type === "ImportDeclaration" &&
    Array.isArray(specifiers) &&
    specifiers.length > 0 &&
    specifiers.every((item: Node) => item["importKind"] === "type")
  );
}

/** `Date` of an identifier, `Math.random` of a member access. */
function globalName(node: Node): string | undefined {
  if (node.type === "Identifier") return String(node["name"]);
  const { object, property, computed } = node;
  if (node.type !== "MemberExpression" || computed === true) return undefined;
  if (!isNode(object) || object.type !== "Identifier" || !isNode(property)) return undefined;
  return `${String(object["name"])}.${String(property["name"])}`;
}

/** Where an identifier only names a member, and types, which do nothing. */
function isPlainName(node: Node, field: string): boolean {
  if (field === "typeAnnotation" && node.type === "TSTypeAnnotation") return false;
  if (field === "typeName") return true;
  return (field === "property" || field === "key") && node["computed"] !== true;
}
