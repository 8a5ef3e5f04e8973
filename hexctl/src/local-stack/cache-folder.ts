import { accessSync, constants, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * Hexhold's folder in the user's cache (HEXHOLD_CACHE_DIR, else XDG_CACHE_HOME, else ~/.cache) where that can be
 * written, else `instead`. It exists afterwards.
 */
export function cacheFolder(instead: string): string {
  const { HEXHOLD_CACHE_DIR: own, XDG_CACHE_HOME: xdg } = process.env;
  const wanted =
    own !== undefined && own !== ""
      ? own
      : join(xdg !== undefined && xdg !== "" ? xdg : join(homedir(), ".cache"), "hexhold");
  try {
    mkdirSync(wanted, { recursive: true });
    accessSync(wanted, constants.W_OK);
    return wanted;
  } catch {
    mkdirSync(instead, { recursive: true });
    return instead;
  }
}
