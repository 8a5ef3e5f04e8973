import type { Key } from "@hexhold/hex";
import { Command } from "commander";
import { hexLines, readHexReport } from "../look/hex-report.ts";
import { runningStatus } from "../running-status.ts";
import type { StoreUrls } from "../world-stores.ts";
import type { CommandContext } from "./command-context.ts";
import { hexKey } from "./hex-key.ts";
import { wholeNumber } from "./whole-number.ts";
import { withStores } from "./with-stores.ts";

interface HexOptions extends StoreUrls {
  readonly rows: number;
  readonly json: boolean;
}

const rowsMax = 10_000;

/** `hexctl hex`: exit code 1 when what is stored of the hex does not agree. */
export function hexCommand(context: CommandContext): Command {
  return new Command("hex")
    .description("Show one hex: state, version, owner, snapshot, quarantine, last journal rows.")
    .argument("<key>", "as 861f1d48fffffff, with .3 behind it for layer 3", hexKey)
    .option("-n, --rows <number>", "journal rows", wholeNumber(rowsMax), 10)
    .option("--json", "as JSON", false)
    .option("--postgres-url <url>", "default: of the world that runs here, or HEXHOLD_POSTGRES_URL")
    .option("--mongodb-url <url>", "where snapshots are in MongoDB; default: as above")
    .action((key: Key, options: HexOptions) => hex(context, key, options));
}

async function hex(context: CommandContext, key: Key, options: HexOptions): Promise<void> {
  await withStores(context, options, async (client, stores) => {
    const status = options.postgresUrl === undefined ? runningStatus(context.dataDir) : undefined;
    const report = await readHexReport(client, stores, status, key, options.rows);
    if (options.json) console.log(JSON.stringify(report, undefined, 2));
    else for (const line of hexLines(report)) console.log(line);
    if (report.faults.length > 0) context.exitCode = 1;
  });
}
