/** What `hexctl start` reads of the configuration: the parts that every process of the world shares. */
import { join } from "node:path";
import { accountsSection } from "@hexhold/accounts";
import { gameModuleUrl, gameSection, loadConfig, worldSection } from "@hexhold/config";
import { gatewaySection } from "@hexhold/gateway";
import { inventorySection } from "@hexhold/inventory";
import { routerSection } from "@hexhold/router";
import { workerSection } from "@hexhold/worker";
import { z } from "zod";

const schema = z.object({
  world: worldSection,
  game: gameSection,
  gateway: gatewaySection.prefault({}),
  worker: workerSection.prefault({}),
  router: routerSection.prefault({}),
  inventory: inventorySection.prefault({}),
  accounts: accountsSection.prefault({}),
});

export interface WorldConfig {
  readonly partitions: number;
  readonly gameName: string;
  readonly worldFormat: number;
  readonly bounds: readonly string[];
  readonly layers: readonly number[];
  /** Where players are born; none = the default place. */
  readonly spawnCells: readonly string[];
  readonly resultRetentionHours: number;
  readonly gameModule: string;
  readonly gameOptions: Readonly<Record<string, number | boolean>>;
  /** Of the first process of each kind; in the profile `cluster` each process reads its own. */
  readonly gateway: z.output<typeof gatewaySection>;
  readonly worker: z.output<typeof workerSection>;
  readonly router: z.output<typeof routerSection>;
  readonly inventory: z.output<typeof inventorySection>;
  readonly accounts: z.output<typeof accountsSection>;
}

/** Throws a `ConfigError` with every fault, also of options that only one process will read. */
export function readWorldConfig(
  checkout: string,
  env: Readonly<Record<string, string | undefined>>,
): WorldConfig {
  const { world, game, gateway, worker, router, inventory, accounts } = loadConfig(schema, {
    configDir: join(checkout, "config"),
    env,
  });
  return {
    partitions: world.partitions,
    gameName: world.game,
    worldFormat: world.worldFormat,
    bounds: world.bounds,
    layers: world.layers,
    spawnCells: world.spawn.cells,
    resultRetentionHours: world.resultRetentionHours,
    gameModule: gameModuleUrl(game.module, checkout),
    gameOptions: game.options,
    gateway,
    worker,
    router,
    inventory,
    accounts,
  };
}
