/** Where a world has its journal and its snapshots, and the rules by which they are read. */
import type { Game } from "@hexhold/actor";
import { openPool } from "@hexhold/postgres";
import {
  createMongoSnapshotStore,
  createPostgresSnapshotStore,
  type SnapshotStore,
} from "@hexhold/worker";
import type { CommandContext } from "./commands/command-context.ts";
import { runningStatus } from "./running-status.ts";
import { readWorldConfig } from "./world-host/world-config.ts";
import { loadWorldGame } from "./world-host/world-game.ts";
import { listDocuments, listSnapshotRows } from "./verify/list-snapshots.ts";
import type { ListedSnapshot } from "./verify/verify-world.ts";

/** Options by which a world other than the one that runs here is named. */
export interface StoreUrls {
  readonly postgresUrl?: string;
  readonly mongodbUrl?: string;
}

export interface WorldStores {
  readonly postgresUrl: string;
  readonly snapshots: SnapshotStore;
  listSnapshots(): AsyncIterable<ListedSnapshot>;
  readonly game: Game;
  /** Home partitions of the world, as configured. */
  readonly partitions: number;
  /** For people: where snapshots lie. */
  readonly snapshotPlace: string;
  close(): Promise<void>;
}

/**
 * Opens the stores of the world that runs in the data directory, unless URLs name another one. The game is the one
 * with which that world was started; with a URL, the configured one. Without a MongoDB snapshots are those of the
 * embedded profile, in PostgreSQL. Throws, with what to do, when there is neither.
 */
export async function openWorldStores(
  context: CommandContext,
  urls: StoreUrls,
): Promise<WorldStores> {
  // What is remembered here is of the world that runs here.
  const dataDir = urls.postgresUrl === undefined ? context.dataDir : undefined;
  const config = readWorldConfig({ ...context, dataDir });
  const { loaded: game } = await loadWorldGame(config.game, context.checkout);
  const { postgresUrl, mongodbUrl } = storeUrls(context, urls);
  const snapshots =
    mongodbUrl === undefined
      ? createPostgresSnapshotStore(
          openPool({ url: postgresUrl, applicationName: "hexctl-snapshots" }, 1),
        )
      : createMongoSnapshotStore({ url: mongodbUrl, database: config.worker.mongodbDatabase });
  return {
    postgresUrl,
    snapshots,
    listSnapshots: () =>
      mongodbUrl === undefined
        ? listSnapshotRows(postgresUrl)
        : listDocuments(mongodbUrl, config.worker.mongodbDatabase),
    game,
    partitions: config.partitions,
    snapshotPlace:
      mongodbUrl === undefined
        ? "PostgreSQL world.snapshot"
        : `MongoDB ${config.worker.mongodbDatabase}.hex_state`,
    close: () => snapshots.close(),
  };
}

/** Of the world that runs in the data directory, unless it is given. Throws, with what to do, when there is none. */
export function postgresUrlOf(context: CommandContext, given: StoreUrls): string {
  return storeUrls(context, given).postgresUrl;
}

/** URLs that were given, else of the world that runs here, else of the environment. */
function storeUrls(
  { dataDir, env }: CommandContext,
  given: StoreUrls,
): { readonly postgresUrl: string; readonly mongodbUrl: string | undefined } {
  if (given.postgresUrl !== undefined) {
    return { postgresUrl: given.postgresUrl, mongodbUrl: given.mongodbUrl };
  }
  const services = runningStatus(dataDir)?.services;
  const postgresUrl = services?.postgres?.url ?? env["HEXHOLD_POSTGRES_URL"];
  if (postgresUrl === undefined || postgresUrl === "") {
    throw new Error(
      `No world runs in ${dataDir}. Start one with "npm start", or give --postgres-url and, where ` +
        "snapshots are in MongoDB, --mongodb-url.",
    );
  }
  const ofServices = services === undefined ? env["HEXHOLD_MONGODB_URL"] : services.mongodb?.url;
  return { postgresUrl, mongodbUrl: given.mongodbUrl ?? ofServices };
}
