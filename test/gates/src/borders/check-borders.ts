/** Compares the packages and their imports with the table. Pure: everything it looks at is handed in. */
import { isForTests, type SourceFile } from "../source-tree.ts";
import { type ModuleReference, referencesOf } from "./module-references.ts";
import {
  broughtByRoot,
  driverTable,
  gameMessages,
  packageTable,
  type PackageRule,
  ruleOf,
  usableInEveryTest,
} from "./package-table.ts";

export interface WorkspacePackage {
  /** From the root: `libs/hex`. */
  readonly folder: string;
  /** `@hexhold/hex` */
  readonly name: string;
  readonly dependencies: readonly string[];
  readonly devDependencies: readonly string[];
}

export interface Tables {
  readonly packages: Readonly<Record<string, PackageRule>>;
  readonly drivers: Readonly<Record<string, readonly string[]>>;
}

/** What a rule that depends on its inputs alone may not touch. */
const impure = new Set([
  "Date",
  "Math.random",
  "console",
  "crypto",
  "fetch",
  "globalThis",
  "performance",
  "process",
  "queueMicrotask",
  "setImmediate",
  "setInterval",
  "setTimeout",
]);

/** @returns One line for each violation, `path:line: what, and what to do`. */
export function checkBorders(
  workspace: readonly WorkspacePackage[],
  sources: readonly SourceFile[],
  tables: Tables = { packages: packageTable, drivers: driverTable },
): string[] {
  const byName = new Map(workspace.map((item) => [item.name, item]));
  const findings = workspace.flatMap((item) => checkManifest(item, byName, tables));
  for (const file of sources) {
    const owner = ownerOf(file.path, workspace);
    const rule = owner === undefined ? undefined : ruleOf(owner.folder, tables.packages);
    if (owner !== undefined && rule !== undefined) {
      findings.push(...checkSource(file, owner, rule, byName, tables));
    }
  }
  return findings;
}

function ownerOf(
  file: string,
  workspace: readonly WorkspacePackage[],
): WorkspacePackage | undefined {
  return workspace.find((item) => file.startsWith(`${item.folder}/`));
}

function checkManifest(
  item: WorkspacePackage,
  byName: ReadonlyMap<string, WorkspacePackage>,
  { packages }: Tables,
): string[] {
  const file = `${item.folder}/package.json`;
  const rule = ruleOf(item.folder, packages);
  if (rule === undefined) return [`${file}: the package is not in package-table.ts: add it`];
  // An example has no dependencies of its own: what the root brings is there for all of them.
  if (item.folder.startsWith("examples/")) return [];
  const forTests = isForTests(`${item.folder}/`);
  return [
    ...item.dependencies.map((name) => ({ name, test: forTests })),
    ...item.devDependencies.map((name) => ({ name, test: true })),
  ].flatMap(({ name, test }) => {
    const folder = byName.get(name)?.folder;
    return folder === undefined || mayUse(rule, folder, test)
      ? []
      : [`${file}: ${item.folder} may not depend on ${folder} (package-table.ts)`];
  });
}

function mayUse(rule: PackageRule, folder: string, test: boolean): boolean {
  return (
    rule.uses.includes(folder) ||
    (test && [...usableInEveryTest, ...(rule.usesInTests ?? [])].includes(folder))
  );
}

function checkSource(
  file: SourceFile,
  owner: WorkspacePackage,
  rule: PackageRule,
  byName: ReadonlyMap<string, WorkspacePackage>,
  tables: Tables,
): string[] {
  const test = isForTests(file.path);
  const isPure = rule.runsIn === "pure" && !test;
  const { imports, globals } = referencesOf(
    file.text,
    file.path.endsWith("x") ? "tsx" : "ts",
    isPure ? impure : new Set(),
  );
  const findings = globals.map(({ name, line }) => ({
    line,
    what: `${name} in a pure package: hand in what is needed`,
  }));
  for (const reference of imports) {
    const what = checkImport(reference, file.path, { owner, rule, test, byName, tables });
    if (what !== undefined) findings.push({ line: reference.line, what });
  }
  return findings.map(({ line, what }) => `${file.path}:${line}: ${what}`);
}

interface Importer {
  readonly owner: WorkspacePackage;
  readonly rule: PackageRule;
  readonly test: boolean;
  readonly byName: ReadonlyMap<string, WorkspacePackage>;
  readonly tables: Tables;
}

function checkImport(
  { specifier, typeOnly }: ModuleReference,
  file: string,
  { owner, rule, test, byName, tables }: Importer,
): string | undefined {
  if (specifier.startsWith(".")) {
    const target = resolveRelative(file, specifier);
    return target.startsWith(`${owner.folder}/`)
      ? undefined
      : `${specifier} leaves the package: import the other one by its name`;
  }
  if (specifier.startsWith("node:")) {
    return rule.runsIn === undefined || test
      ? undefined
      : `${specifier} in a package that is ${rule.runsIn === "pure" ? "pure" : "for browsers, too"}`;
  }
  const name = packageNameOf(specifier);
  if (name === owner.name) return undefined;
  const folder = byName.get(name)?.folder;
  if (folder !== undefined && !mayUse(rule, folder, test)) {
    return `${owner.folder} may not import ${folder}${test ? "" : " outside tests"} (package-table.ts)`;
  }
  const players = Object.entries(gameMessages).find(([prefix]) =>
    specifier.startsWith(prefix),
  )?.[1];
  if (players !== undefined && !test && !players.some((place) => file.startsWith(place))) {
    return `${specifier} is a game's: the platform asks the game that it loads (libs/actor, Game)`;
  }
  const places = tables.drivers[name];
  if (places !== undefined && !test && !places.some((place) => file.startsWith(place))) {
    return `the driver ${name} outside its adapters (driverTable in package-table.ts)`;
  }
  return checkDeclared(name, owner, test || typeOnly || file.endsWith(".config.ts"));
}

/** @param loose development dependencies are enough. */
function checkDeclared(name: string, owner: WorkspacePackage, loose: boolean): string | undefined {
  if (owner.dependencies.includes(name)) return undefined;
  if (loose && broughtByRoot.includes(name)) return undefined;
  if (!owner.devDependencies.includes(name)) return `${name} is not in the package's package.json`;
  return loose ? undefined : `${name} is only a development dependency of the package`;
}

/** `@scope/name/sub/path` → `@scope/name` */
function packageNameOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function resolveRelative(file: string, specifier: string): string {
  return new URL(specifier, `file:///${file}`).pathname.slice(1);
}
