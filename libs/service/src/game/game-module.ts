/** From the place of a game, as people name it, to the URL of the module that is imported. */
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { osReason, readIfThere } from "@hexhold/config";

/** In a package's `exports`: what an import by Node takes. */
const conditions = new Set(["import", "node", "module-sync", "default"]);

/**
 * URL of a game's module.
 * @param place path of a module or of a folder with a package, relative to `root`; or a `file:` URL of a module.
 * @throws an error that names the place, and what it lacks.
 */
export function gameModuleUrl(place: string, root: string): string {
  if (place.startsWith("file:")) return place;
  const found = path.resolve(root, place);
  const stat = statSync(found, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw new Error(
      `there is no game at ${found}: neither a folder with a package nor a file of a module`,
    );
  }
  return pathToFileURL(stat.isDirectory() ? entryOf(found) : found).href;
}

/** File of the module that a package is imported as. */
function entryOf(folder: string): string {
  const file = path.join(folder, "package.json");
  const text = readIfThere(file);
  if (text === undefined) {
    throw new Error(
      `${folder} holds no game: it has no package.json that names a module (exports, or main)`,
    );
  }
  const { exports, main } = parsed(file, text);
  const entry = exports === undefined ? main : pathIn(ownExport(exports));
  if (typeof entry !== "string") {
    throw new Error(
      `${file} names no module: expected "exports": "./src/index.ts", one for ".", or "main"`,
    );
  }
  const module = path.resolve(folder, entry);
  try {
    readFileSync(module);
  } catch (error) {
    throw new Error(`${file} names the module ${entry}: ${osReason(error)}`, { cause: error });
  }
  return module;
}

function parsed(file: string, text: string): { exports?: unknown; main?: unknown } {
  try {
    const content = JSON.parse(text) as unknown;
    return isObject(content) ? content : {};
  } catch (error) {
    throw new Error(`${file} is no JSON: ${(error as Error).message}`, { cause: error });
  }
}

/** `exports` is either for the package as a whole, or has an entry for each of its paths. */
function ownExport(exports: unknown): unknown {
  const hasPaths = isObject(exports) && Object.keys(exports).some((key) => key.startsWith("."));
  return hasPaths ? exports["."] : exports;
}

/** The first in the order of the file that an import takes. */
function pathIn(target: unknown): string | undefined {
  if (typeof target === "string") return target;
  if (!isObject(target)) return undefined;
  for (const [condition, inner] of Object.entries(target)) {
    const found = conditions.has(condition) ? pathIn(inner) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
