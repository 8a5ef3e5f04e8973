/** What `hexctl start` reads of the configuration: the parts that every process of the world shares. */
import { join } from "node:path";
import { accountsSection } from "@hexhold/accounts";
import { chatSection } from "@hexhold/chat";
import { gameSection, loadConfig, worldSection } from "@hexhold/config";
import { gatewaySection } from "@hexhold/gateway";
import { governanceSection } from "@hexhold/governance";
import { inventorySection } from "@hexhold/inventory";
import { marketSection } from "@hexhold/market";
import { routerSection } from "@hexhold/router";
import { workerSection } from "@hexhold/worker";
import { z } from "zod";
import { type GameChoice, rememberedGame } from "./world-game.ts";

const schema = z.object({
  world: worldSection,
  game: gameSection,
  gateway: gatewaySection.prefault({}),
  worker: workerSection.prefault({}),
  router: routerSection.prefault({}),
  inventory: inventorySection.prefault({}),
  market: marketSection.prefault({}),
  governance: governanceSection.prefault({}),
  chat: chatSection.prefault({}),
  accounts: accountsSection.prefault({}),
});

const gameVariables = ["HEXHOLD_GAME__MODULE", "HEXHOLD_GAME__MODULE_FILE"];

export interface WorldConfig {
  readonly partitions: number;
  readonly game: GameChoice;
  readonly worldFormat: number | undefined;
  readonly bounds: readonly string[];
  readonly layers: readonly number[];
  /** Where players are born; none = the default place. */
  readonly spawnCells: readonly string[];
  readonly resultRetentionHours: number;
  /** Of the first process of each kind; in the profile `cluster` each process reads its own. */
  readonly gateway: z.output<typeof gatewaySection>;
  readonly worker: z.output<typeof workerSection>;
  readonly router: z.output<typeof routerSection>;
  readonly inventory: z.output<typeof inventorySection>;
  readonly market: z.output<typeof marketSection>;
  readonly governance: z.output<typeof governanceSection>;
  readonly chat: z.output<typeof chatSection>;
  readonly accounts: z.output<typeof accountsSection>;
}

export interface WorldConfigSources {
  readonly checkout: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of the world; undefined: it has none on this machine. */
  readonly dataDir: string | undefined;
  /** Place of the game that a start is given, an absolute path or a `file:` URL. */
  readonly givenGame?: string | undefined;
}

/**
 * Throws a `ConfigError` with every fault, also of options that only one process will read. The game is the one that is
 * given, else that of a variable, else the one that is remembered in the data directory, else that of the files.
 */
export function readWorldConfig({
  checkout,
  env,
  dataDir,
  givenGame,
}: WorldConfigSources): WorldConfig {
  const isInVariable = gameVariables.some((variable) => env[variable] !== undefined);
  const remembered =
    givenGame === undefined && !isInVariable && dataDir !== undefined
      ? rememberedGame(dataDir)
      : undefined;
  const { world, game, gateway, worker, router, inventory, market, governance, chat, accounts } =
    loadConfig(schema, {
      configDir: join(checkout, "config"),
      env,
      flags: { "game.module": givenGame ?? remembered },
    });
  return {
    partitions: world.partitions,
    game: {
      place: game.module,
      options: game.options,
      name: world.game,
      worldFormat: world.worldFormat,
    },
    worldFormat: world.worldFormat,
    bounds: world.bounds,
    layers: world.layers,
    spawnCells: world.spawn.cells,
    resultRetentionHours: world.resultRetentionHours,
    gateway,
    worker,
    router,
    inventory,
    market,
    governance,
    chat,
    accounts,
  };
}
