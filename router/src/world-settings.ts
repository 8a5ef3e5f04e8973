import { hexResolution } from "@hexhold/hex";
import type { ControlStore } from "./control-store.ts";

/** What must be equal across a cluster for ever, or the world falls apart. */
export interface WorldIdentity {
  /** Power of two, 8…64. */
  readonly partitions: number;
  /** Name of the game module. */
  readonly game: string;
  /** Format with which a new world begins: what the game emits at first. */
  readonly worldFormat: number;
}

export interface WorldSettingValues extends WorldIdentity {
  readonly resolution: number;
  readonly hash: string;
}

/** How a key becomes a bucket: docs/formats.md. */
const keyHash = "murmur3-x86-32/1024";

/** The world that is there is not the one that this software was told to serve. */
export class WorldSettingError extends Error {
  readonly code = "WORLD_SETTING";
  constructor(faults: readonly string[]) {
    super(
      `this database holds another world: ${faults.join("; ")}. Start with the values of that world, or with another database`,
    );
    this.name = "WorldSettingError";
  }
}

/**
 * Why a process with this game may not join the world: another game, or another major of it than the world began with;
 * undefined = it may. The first game of the right name settles the major.
 */
export async function gameFault(
  store: Pick<ControlStore, "worldSettings">,
  settings: Pick<WorldSettingValues, "game">,
  loaded: { readonly name: string; readonly version: string },
): Promise<string | undefined> {
  const { name, version } = loaded;
  if (name !== settings.game) {
    return `this world is of the game ${settings.game}, and it has loaded ${name}: start it with the module of ${settings.game} (game.module), or with another database`;
  }
  const major = version.split(".", 1)[0]!;
  const found = (await store.worldSettings(new Map([["game_major", major]]))).get("game_major");
  if (found === major) return undefined;
  return `this world began with ${name} ${found}.x, and it has loaded ${version}: start it with a module of that major`;
}

/**
 * Stores the settings at the first start of a world; at every later one compares them and throws
 * {@link WorldSettingError}, with each that differs, what was expected and what was found.
 * The world's format is not compared: it is raised while the world lives.
 */
export async function checkWorldSettings(
  store: Pick<ControlStore, "worldSettings">,
  identity: WorldIdentity,
): Promise<WorldSettingValues> {
  const fixed = new Map<string, string>([
    ["resolution", String(hexResolution)],
    ["partitions", String(identity.partitions)],
    ["hash", keyHash],
    ["game", identity.game],
  ]);
  const wanted = new Map([...fixed, ["world_format", String(identity.worldFormat)]]);
  const found = await store.worldSettings(wanted);
  const faults = [...fixed].flatMap(([key, expected]) => {
    const value = found.get(key);
    return value === expected ? [] : [`${key} is ${value ?? "missing"}, expected ${expected}`];
  });
  if (faults.length > 0) throw new WorldSettingError(faults);
  const worldFormat = Number(found.get("world_format"));
  return { ...identity, resolution: hexResolution, hash: keyHash, worldFormat };
}
