import type { CreateGame, Game } from "@hexhold/actor";

/** Which game, and how it is set. */
export interface GameSettings {
  /** URL of the module that exports `createGame`: see `gameModuleUrl`. */
  readonly module: string;
  readonly options: unknown;
}

/** Imports the game. Throws an error that names the module when it is none; what `createGame` throws is thrown as it is. */
export async function loadGame(settings: GameSettings): Promise<Game> {
  const what = `the game's module ${settings.module}`;
  let module: { createGame?: unknown };
  try {
    module = (await import(settings.module)) as typeof module;
  } catch (error) {
    throw new Error(`${what} cannot be loaded: ${(error as Error).message}`, { cause: error });
  }
  if (typeof module.createGame !== "function") {
    throw new TypeError(`${what} does not export the function createGame`);
  }
  const game = (module.createGame as CreateGame)(settings.options);
  const { name, version } = game as Partial<Game>;
  if (typeof name !== "string" || name === "" || !/^\d+\.\d+\.\d+/.test(version ?? "")) {
    throw new TypeError(
      `the game of ${settings.module} must say its name and its version (major.minor.patch), not ${JSON.stringify(name)} and ${JSON.stringify(version)}`,
    );
  }
  return game;
}
