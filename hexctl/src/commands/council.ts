import { type Key, keyText } from "@hexhold/hex";
import { Command } from "commander";
import { councilLines, readCouncil } from "../look/council-report.ts";
import type { StoreUrls } from "../world-stores.ts";
import type { CommandContext } from "./command-context.ts";
import { hexKey } from "./hex-key.ts";
import { withStores } from "./with-stores.ts";

interface CouncilOptions extends StoreUrls {
  readonly json: boolean;
}

/** `hexctl council`: owners of hexes and their elections. */
export function councilCommand(context: CommandContext): Command {
  return new Command("council")
    .description(
      "Show owners of hexes and open elections; of one hex its last owners and elections, and who lives there.",
    )
    .argument("[hex]", "default: all", hexKey)
    .option("--json", "as JSON", false)
    .option("--postgres-url <url>", "default: of the world that runs here, or HEXHOLD_POSTGRES_URL")
    .option("--mongodb-url <url>", "not needed; as in the other commands")
    .action((hex: Key | undefined, options: CouncilOptions) => council(context, hex, options));
}

async function council(
  context: CommandContext,
  hex: Key | undefined,
  options: CouncilOptions,
): Promise<void> {
  await withStores(context, options, async (client) => {
    const report = await readCouncil(client, hex === undefined ? undefined : keyText(hex));
    if (options.json) console.log(JSON.stringify(report, undefined, 2));
    else for (const line of councilLines(report)) console.log(line);
  });
}
