/** What `hexctl start` reads of the configuration: the parts that every process of the world shares. */
import { join } from "node:path";
import { gameModuleUrl, gameSection, loadConfig, worldSection } from "@hexhold/config";
import { z } from "zod";

const schema = z.object({
  world: worldSection,
  game: gameSection,
  gateway: z
    .looseObject({
      host: z.string().default("127.0.0.1"),
      port: z.int().min(0).max(65_535).default(7600),
    })
    .prefault({}),
  router: z.looseObject({ adminPort: z.int().min(0).max(65_535).default(7601) }).prefault({}),
});

export interface WorldConfig {
  readonly partitions: number;
  readonly gameName: string;
  readonly bounds: readonly string[];
  readonly layers: readonly number[];
  readonly gameModule: string;
  readonly gameOptions: Readonly<Record<string, number | boolean>>;
  readonly gatewayHost: string;
  readonly gatewayPort: number;
  readonly adminPort: number;
  /** Options of the gateway as they were given, to be checked by it. */
  readonly gateway: Readonly<Record<string, unknown>>;
}

export function readWorldConfig(
  checkout: string,
  env: Readonly<Record<string, string | undefined>>,
): WorldConfig {
  const { world, game, gateway, router } = loadConfig(schema, {
    configDir: join(checkout, "config"),
    env,
  });
  return {
    partitions: world.partitions,
    gameName: world.game,
    bounds: world.bounds,
    layers: world.layers,
    gameModule: gameModuleUrl(game.module, checkout),
    gameOptions: game.options,
    gatewayHost: gateway.host,
    gatewayPort: gateway.port,
    adminPort: router.adminPort,
    gateway,
  };
}
