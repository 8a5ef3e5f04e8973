import { hexResolution } from "@hexhold/hex";
import type { ControlStore } from "./control-store.ts";

/** What must be equal across a cluster for ever, or the world falls apart. */
export interface WorldIdentity {
  /** Power of two, 8…64. */
  readonly partitions: number;
  /** Name of the game; undefined: that of the world, which in a new one is that of the first process with a game. */
  readonly game?: string | undefined;
  /** Format with which a new world begins; undefined: the highest of the first process with a game. */
  readonly worldFormat?: number | undefined;
}

export interface WorldSettingValues extends WorldIdentity {
  /** Undefined: no process with a game has joined the world yet. */
  readonly game: string | undefined;
  /** At the start; undefined: no process with a game has joined the world yet. */
  readonly worldFormat: number | undefined;
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

/** The game that a world is of. */
export interface WorldGame {
  /** Undefined: no process with a game has joined the world yet. */
  readonly name: string | undefined;
  /**
   * Why a process with this game may not join the world: another game, or another major of it than the world began
   * with; undefined = it may. The first game settles the name, where it is not given, and the first of that name the
   * major.
   */
  fault(loaded: { readonly name: string; readonly version: string }): Promise<string | undefined>;
}

export function createWorldGame(
  store: Pick<ControlStore, "worldSettings">,
  settings: Pick<WorldSettingValues, "game">,
): WorldGame {
  let game = settings.game;
  return {
    get name() {
      return game;
    },
    async fault({ name, version }) {
      game ??= (await store.worldSettings(new Map([["game", name]]))).get("game");
      if (name !== game) {
        return `this world is of the game ${game}, and it has loaded ${name}: start it with the module of ${game} (hexctl start --game, or game.module), or with another database`;
      }
      const major = version.split(".", 1)[0]!;
      const found = (await store.worldSettings(new Map([["game_major", major]]))).get("game_major");
      if (found === major) return undefined;
      return `this world began with ${name} ${found}.x, and it has loaded ${version}: start it with a module of that major`;
    },
  };
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
    ...(identity.game === undefined ? [] : [["game", identity.game] as const]),
  ]);
  const { worldFormat: first } = identity;
  const wanted = new Map([
    ...fixed,
    ...(first === undefined ? [] : [["world_format", String(first)] as const]),
  ]);
  const found = await store.worldSettings(wanted);
  const faults = [...fixed].flatMap(([key, expected]) => {
    const value = found.get(key);
    return value === expected ? [] : [`${key} is ${value ?? "missing"}, expected ${expected}`];
  });
  if (faults.length > 0) throw new WorldSettingError(faults);
  const format = found.get("world_format");
  return {
    partitions: identity.partitions,
    game: found.get("game"),
    worldFormat: format === undefined ? undefined : Number(format),
    resolution: hexResolution,
    hash: keyHash,
  };
}
