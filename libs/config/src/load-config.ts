/**
 * Configuration is read once at start, checked whole and then passed on as a value.
 *
 * Later layers win: `config/base.yaml`, `config/<env>.yaml`, environment, flags. Which
 * variable is which option follows from its name: `HEXHOLD_GATEWAY__SOCKETS_MAX` is
 * `gateway.socketsMax` (`__` goes one level down, `_` begins the next word). The same with
 * `_FILE` behind it names a file that holds the value, for secrets; no option's own name ends
 * in "file" therefore.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse as parseYaml } from "yaml";
import type { z } from "zod";
import { ConfigError, describeIssue, type ConfigFault } from "./config-error.ts";
import { isFromKubernetes, nearest, optionsOf, variableOf } from "./near-miss.ts";
import { osReason, readIfThere } from "./read-if-there.ts";
import { isTree, leavesOf, setAt, valueAt, type Tree } from "./config-tree.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ConfigSources {
  /** Folder with `base.yaml`, `dev.yaml`, `prod.yaml`; a missing file counts as empty. */
  readonly configDir: string;
  readonly env: Environment;
  /** By dotted name: `{"gateway.socketsMax": "500"}`. `undefined` counts as not given. */
  readonly flags?: Readonly<Record<string, unknown>>;
}

const PREFIX = "HEXHOLD_";

/** Variables of ours that say how to run, and are no options of a service. */
const NO_OPTIONS = new Set([
  "HEXHOLD_ENV",
  "HEXHOLD_DATA_DIR",
  "HEXHOLD_CACHE_DIR",
  "HEXHOLD_PARENT_PID",
  "HEXHOLD_TEST_USE_EXTERNAL",
]);

/** Of the services around us: read where there is a use for them, by whatever schema. */
const SERVICE_URLS = [
  "postgresUrl",
  "rabbitmqUrl",
  "rabbitmqManagementUrl",
  "redisUrl",
  "mongodbUrl",
];

interface Layers {
  readonly tree: Tree;
  /** Where the value of an option came from, by dotted name. */
  readonly origins: Map<string, string>;
  readonly faults: ConfigFault[];
}

/** `HEXHOLD_ENV`: `dev` (default) or `prod`. */
export function environmentName(env: Environment): "dev" | "prod" {
  const name = env["HEXHOLD_ENV"] ?? "dev";
  if (name !== "dev" && name !== "prod") {
    throw new ConfigError([
      { option: "HEXHOLD_ENV", expectation: "dev or prod", value: name, origin: "environment" },
    ]);
  }
  return name;
}

/**
 * Reads all layers and checks them against a schema whose top level names the sections that
 * the caller uses; sections of others are left to them. Make sections with `z.strictObject`:
 * then a misspelt option is a fault instead of a default. Throws one `ConfigError` with every
 * fault.
 *
 * Variables and flags are text. Where the schema wants something else (a number, a list) the
 * text is read as YAML; where it wants text, `12345` stays text.
 */
export function loadConfig<S extends z.ZodType>(schema: S, sources: ConfigSources): z.output<S> {
  const options = optionsOf(schema);
  const layers = readLayers(sources, options);
  const first = schema.safeParse(layers.tree);
  const second =
    first.success || !convertText(layers, first.error.issues)
      ? first
      : schema.safeParse(layers.tree);
  const faults = [
    ...layers.faults,
    ...(second.error?.issues ?? []).flatMap((issue) =>
      describeIssue(issue, layers.tree, layers.origins).map((fault) => withMeant(fault, options)),
    ),
  ];
  if (faults.length > 0 || !second.success) {
    throw new ConfigError(faults);
  }
  return second.data;
}

function readLayers({ configDir, env, flags }: ConfigSources, options: readonly string[]): Layers {
  const layers: Layers = { tree: {}, origins: new Map(), faults: [] };
  const names = ["base"];
  try {
    names.push(environmentName(env));
  } catch (error) {
    // One fault of several that may be there.
    if (!(error instanceof ConfigError)) throw error;
    layers.faults.push(...error.faults);
  }
  for (const name of names) {
    addFile(layers, join(configDir, `${name}.yaml`));
  }
  addEnvironment(layers, env, options);
  for (const [option, value] of Object.entries(flags ?? {})) {
    if (value !== undefined) {
      set(layers, option.split("."), value, `flag ${option}`);
    }
  }
  return layers;
}

function addFile(layers: Layers, file: string): void {
  let text: string | undefined;
  try {
    text = readIfThere(file);
  } catch (error) {
    const expectation = "a file that can be read";
    layers.faults.push({ option: file, expectation, value: osReason(error), origin: file });
  }
  if (text === undefined) return;
  let content: unknown;
  try {
    content = parseYaml(text) ?? {};
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    layers.faults.push({ option: file, expectation: "YAML", value: detail, origin: file });
    return;
  }
  if (!isTree(content)) {
    layers.faults.push({
      option: file,
      expectation: "sections with options",
      value: content,
      origin: file,
    });
    return;
  }
  for (const { path, value } of leavesOf(content)) {
    set(layers, path, value, file);
  }
}

function addEnvironment(layers: Layers, env: Environment, options: readonly string[]): void {
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(PREFIX) || NO_OPTIONS.has(variable) || text === undefined) {
      continue;
    }
    if (isFromKubernetes(variable, text)) continue;
    const fromFile = variable.endsWith("_FILE");
    const path = optionPath(fromFile ? variable.slice(0, -"_FILE".length) : variable);
    const meant = meantBy(path, options);
    if (meant !== undefined) {
      const expectation = `a variable that exists (did you mean ${meant}?)`;
      layers.faults.push({ option: variable, expectation, value: text, origin: "environment" });
      continue;
    }
    if (!fromFile) {
      set(layers, path, text, variable);
      continue;
    }
    const plain = variable.slice(0, -"_FILE".length);
    const fault = (expectation: string): void => {
      layers.faults.push({ option: path.join("."), expectation, value: text, origin: variable });
    };
    if (env[plain] !== undefined) {
      fault(`either ${plain} or ${variable}, not both`);
      continue;
    }
    try {
      set(layers, path, readFileSync(text, "utf8").replace(/\r?\n$/, ""), variable);
    } catch {
      fault("a file that can be read");
    }
  }
}

/**
 * The variable that was meant by one that names no section of the schema; `undefined` where it may be another
 * process's. A wrong option of a section that is there is found by the schema.
 */
function meantBy(path: readonly string[], options: readonly string[]): string | undefined {
  const [section = ""] = path;
  const sections = [...new Set(options.map((option) => option.split(".")[0] ?? ""))];
  const topLevel = [...SERVICE_URLS, ...sections.filter((each) => options.includes(each))];
  if (sections.includes(section) || topLevel.includes(section)) return undefined;
  const ours = [...NO_OPTIONS];
  if (path.length === 1) {
    const option = nearest(section, [...topLevel, ...options]);
    if (option !== undefined) return variableOf(option);
    return nearest(variableOf(section), ours);
  }
  const meant = nearest(path.join("."), options);
  return meant === undefined ? undefined : variableOf(meant);
}

/** An option that does not exist is often one that does, misspelt. */
function withMeant(fault: ConfigFault, options: readonly string[]): ConfigFault {
  if (!fault.expectation.startsWith("an option that exists")) return fault;
  const section = fault.option.slice(0, fault.option.lastIndexOf(".") + 1);
  const meant = nearest(
    fault.option,
    options.filter((option) => option.startsWith(section)),
  );
  if (meant === undefined) return fault;
  const name = fault.origin.startsWith(PREFIX) ? variableOf(meant) : meant;
  return { ...fault, expectation: `${fault.expectation} (did you mean ${name}?)` };
}

/** `HEXHOLD_GATEWAY__SOCKETS_MAX` → `["gateway", "socketsMax"]`. */
export function optionPath(variable: string): string[] {
  return variable
    .slice(PREFIX.length)
    .toLowerCase()
    .split("__")
    .map((level) => level.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()));
}

function set(layers: Layers, path: readonly string[], value: unknown, origin: string): void {
  setAt(layers.tree, path, value);
  layers.origins.set(path.join("."), origin);
}

/** Reads as YAML the texts that the schema did not want as text; whether there was one. */
function convertText(layers: Layers, issues: readonly z.core.$ZodIssue[]): boolean {
  let converted = false;
  for (const { path } of issues) {
    const names = path.map(String);
    const value = valueAt(layers.tree, names);
    const origin = layers.origins.get(names.join("."));
    const isText = origin?.startsWith(PREFIX) === true || origin?.startsWith("flag ") === true;
    if (isText && typeof value === "string") {
      try {
        setAt(layers.tree, names, parseYaml(value));
        converted = true;
      } catch {
        // Not YAML either: the fault keeps the text as it was given.
      }
    }
  }
  return converted;
}
