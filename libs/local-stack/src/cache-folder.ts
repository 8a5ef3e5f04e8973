import { accessSync, constants, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** {@link ownCacheFolder}, and where there is none, `instead`. It exists afterwards. */
export function cacheFolder(instead: string): string {
  const own = ownCacheFolder();
  if (own !== undefined) return own;
  mkdirSync(instead, { recursive: true });
  return instead;
}

/**
 * Hexhold's folder in the user's cache (HEXHOLD_CACHE_DIR, else XDG_CACHE_HOME, else ~/.cache); undefined where it
 * cannot be made or written. It exists afterwards.
 */
export function ownCacheFolder(): string | undefined {
  const { HEXHOLD_CACHE_DIR: own, XDG_CACHE_HOME: xdg } = process.env;
  const wanted =
    own !== undefined && own !== ""
      ? own
      : join(xdg !== undefined && xdg !== "" ? xdg : join(home(), ".cache"), "hexhold");
  try {
    mkdirSync(wanted, { recursive: true });
    accessSync(wanted, constants.W_OK);
    return wanted;
  } catch {
    return undefined;
  }
}

/** A user without an entry in passwd has none: then the folder cannot be made, and the other one is taken. */
function home(): string {
  try {
    return homedir();
  } catch {
    return "/nonexistent";
  }
}
