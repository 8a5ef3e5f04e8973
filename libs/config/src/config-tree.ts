/** Nested options as YAML gives them. */
export interface Tree {
  [name: string]: unknown;
}

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Every value that is no section, with its path. A list is one value: layers replace it whole. */
export function leavesOf(
  tree: Tree,
  above: readonly string[] = [],
): { path: string[]; value: unknown }[] {
  return Object.entries(tree).flatMap(([name, value]) => {
    const path = [...above, name];
    return isTree(value) ? leavesOf(value, path) : [{ path, value }];
  });
}

/** Sets a value, making the sections above it; a value that stands where a section must be is replaced. */
export function setAt(tree: Tree, path: readonly string[], value: unknown): void {
  const [name, ...below] = path;
  if (name === undefined || name === "__proto__") {
    return;
  }
  if (below.length === 0) {
    tree[name] = value;
    return;
  }
  const section = tree[name];
  const next: Tree = isTree(section) ? section : {};
  tree[name] = next;
  setAt(next, below, value);
}

export function valueAt(tree: Tree, path: readonly string[]): unknown {
  let value: unknown = tree;
  for (const name of path) {
    value = isTree(value) || Array.isArray(value) ? (value as Tree)[name] : undefined;
  }
  return value;
}
