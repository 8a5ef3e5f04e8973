import { Command } from "commander";
import { playerLines, readPlayerReport } from "../look/player-report.ts";
import { runningStatus } from "../running-status.ts";
import { loadHostSecrets } from "../world-host/role-passwords.ts";
import type { StoreUrls } from "../world-stores.ts";
import type { CommandContext } from "./command-context.ts";
import { wholeNumber } from "./whole-number.ts";
import { withStores } from "./with-stores.ts";

interface PlayerOptions extends StoreUrls {
  readonly rows: number;
  readonly json: boolean;
}

const rowsMax = 10_000;

/** `hexctl player`: exit code 1 when there is no such player. */
export function playerCommand(context: CommandContext): Command {
  return new Command("player")
    .description("Show where a player is and why. Looks through the whole journal.")
    .argument("<player>", "name of its account, or id")
    .option("-n, --rows <number>", "journal rows", wholeNumber(rowsMax), 10)
    .option("--json", "as JSON", false)
    .option("--postgres-url <url>", "default: of the world that runs here, or HEXHOLD_POSTGRES_URL")
    .option("--mongodb-url <url>", "where snapshots are in MongoDB; default: as above")
    .action((who: string, options: PlayerOptions) => player(context, who, options));
}

async function player(context: CommandContext, who: string, options: PlayerOptions): Promise<void> {
  await withStores(context, options, async (client, stores) => {
    const status = options.postgresUrl === undefined ? runningStatus(context.dataDir) : undefined;
    const running =
      status === undefined
        ? undefined
        : { status, controlToken: loadHostSecrets(context.dataDir).controlToken };
    const report = await readPlayerReport(client, stores, running, who, options.rows);
    if (report === undefined) {
      throw new Error(`There is no account ${who}, and no journal row names such a player.`);
    }
    if (options.json) console.log(JSON.stringify(report, undefined, 2));
    else for (const line of playerLines(report)) console.log(line);
  });
}
