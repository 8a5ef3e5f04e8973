import type { CreateGame, Game } from "@hexhold/actor";

/** Which game, and how it is set. */
export interface GameSettings {
  /** URL of the module that exports `createGame`. */
  readonly module: string;
  readonly options: unknown;
}

/** Imports the game. Throws an error that names the module when it is none. */
export async function loadGame(settings: GameSettings): Promise<Game> {
  let module: { createGame?: unknown };
  try {
    module = (await import(settings.module)) as typeof module;
  } catch (error) {
    throw new Error(
      `game.module ${settings.module} cannot be loaded: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
  if (typeof module.createGame !== "function") {
    throw new TypeError(`game.module ${settings.module} does not export the function createGame`);
  }
  return (module.createGame as CreateGame)(settings.options);
}
