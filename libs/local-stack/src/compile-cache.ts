import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { cacheFolder, ownCacheFolder } from "./cache-folder.ts";

const FOLDER = "compiled";

/**
 * Folder in which Node keeps what it has compiled, by its own version and the content of each file: a third of the work
 * of a start is to compile what was compiled at the one before.
 *
 * @param instead where the user has no cache.
 */
export function compileCacheFolder(instead: string): string {
  return join(cacheFolder(instead), FOLDER);
}

/**
 * Makes this process use it, for what is imported from now on. NODE_COMPILE_CACHE, where set, has done so already. In a
 * folder of the user's own rather than Node's default below the temporary one, where somebody else could have put code;
 * a user without one compiles everything each time.
 */
export function useCompileCache(): void {
  const own = ownCacheFolder();
  if (own !== undefined) enableCompileCache(join(own, FOLDER));
}
