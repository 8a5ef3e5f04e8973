import { Command } from "commander";
import { withConnection } from "@hexhold/postgres";
import { postgresUrlOf } from "../world-stores.ts";
import type { CommandContext } from "./command-context.ts";

interface ResendOptions {
  readonly to?: string[];
  readonly postgresUrl?: string;
}

/** Rows are counted, and a lane is written for each slot and destination. */
const statementTimeoutMs = 120_000;

/** `hexctl resend`: what the broker had confirmed is sent again; receivers drop what they know. */
export function resendCommand(context: CommandContext): Command {
  return new Command("resend")
    .description(
      "Set the outbox lanes of a world back, so that all messages that are kept (72 h) are sent again. For a broker that has lost its queues; receivers know what they have handled. A router does it by itself when it finds the queues new.",
    )
    .option("--to <service...>", "lanes to these alone, such as inventory, accounts or hex")
    .option("--postgres-url <url>", "default: of the world that runs here, or HEXHOLD_POSTGRES_URL")
    .action(async (options: ResendOptions) => {
      const url = postgresUrlOf(context, options);
      const settings = { url, applicationName: "hexctl-resend", statementTimeoutMs };
      await withConnection(settings, async (client) => {
        const { rows } = await client.query<{ again: string }>(
          "SELECT world.resend_lanes($1, 'hexctl resend') AS again",
          [options.to ?? null],
        );
        const where = options.to === undefined ? "all lanes" : `lanes to ${options.to.join(", ")}`;
        console.log(`Set ${where} back: ${rows[0]?.again ?? 0} messages are sent again.`);
      });
    });
}
