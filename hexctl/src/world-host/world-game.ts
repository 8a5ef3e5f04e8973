/** The game of the world of a data directory: as it was given at a start, which is remembered there, or configured. */
import { join } from "node:path";
import type { Game } from "@hexhold/actor";
import { readOwnFile, writeFileWhole } from "@hexhold/local-stack";
import { gameModuleUrl, loadGame } from "@hexhold/service";
import { z } from "zod";

/** Of a world, as the configuration and what is remembered have it. */
export interface GameChoice {
  /** A module or a folder: an absolute path, one from the repository's root, or a `file:` URL. */
  readonly place: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** `world.game`, which must be its name; undefined: it says its name itself. */
  readonly name: string | undefined;
  /** `world.worldFormat`, which the game must read; undefined: none is named. */
  readonly worldFormat?: number | undefined;
}

/** A game that is loaded, and how processes of the world load it, too. */
export interface WorldGame {
  readonly loaded: Game;
  /** URL. */
  readonly module: string;
  readonly options: GameChoice["options"];
}

const schema = z.object({ place: z.string().min(1) });
const advice =
  "it says where the game is that this world was started with. hexctl start --game writes it anew.";

function fileOf(dataDir: string): string {
  return join(dataDir, "game.json");
}

/** Place of the game that the world was started with last; undefined: none was given, it is the configured one. */
export function rememberedGame(dataDir: string): string | undefined {
  return readOwnFile(fileOf(dataDir), schema, advice)?.place;
}

/** For every later command on this data directory. @param place absolute, or a `file:` URL. */
export function rememberGame(dataDir: string, place: string): void {
  writeFileWhole(fileOf(dataDir), `${JSON.stringify({ place })}\n`);
}

/**
 * Throws, with what to do, when there is no such game, when it is not the one that `world.game` names, and when it does not
 * read the format that `world.worldFormat` names: no worker would be granted a slot.
 */
export async function loadWorldGame(
  { place, options, name, worldFormat = 1 }: GameChoice,
  checkout: string,
): Promise<WorldGame> {
  const module = gameModuleUrl(place, checkout);
  const loaded = await loadGame({ module, options });
  if (name !== undefined && name !== loaded.name) {
    throw new Error(
      `the game of ${place} is ${loaded.name}, and world.game is ${name}: give the game ${name} (hexctl start --game, or game.module), or leave world.game out`,
    );
  }
  if (worldFormat > loaded.worldFormat) {
    throw new Error(
      `world.worldFormat is ${worldFormat}, and ${loaded.name} reads formats up to ${loaded.worldFormat}: leave it out, or name one of those`,
    );
  }
  return { loaded, module, options };
}
