import { Command } from "commander";
import type { CommandContext } from "./command-context.ts";
import { wholeNumber } from "./whole-number.ts";
import { withHost } from "./with-host.ts";

interface TokenOptions {
  readonly count: number;
  readonly key: string;
  readonly account: string;
  readonly ttl: number;
  readonly json: boolean;
}

/** `hexctl token`: new players of the world that runs here, each with an access token. */
export function tokenCommand(context: CommandContext): Command {
  return new Command("token")
    .description("Make a player in the running world, and an access token for it.")
    .option("-n, --count <number>", "how many players", wholeNumber(), 1)
    .option("--key <key>", "hex to be born in; default: near the world's spawn cell", "")
    .option("--account <uuid>", "another token for this player; needs its --key", "")
    .option("--ttl <seconds>", "life of the tokens", wholeNumber(), 900)
    .option("--json", "as JSON", false)
    .action((options: TokenOptions) => token(context, options));
}

async function token(context: CommandContext, options: TokenOptions): Promise<void> {
  await withHost(context, async (host, status) => {
    const { players } = await host.mintPlayers({
      count: options.count,
      key: options.key,
      accountId: options.account,
      ttlS: options.ttl,
    });
    if (options.json) {
      const rows = players.map(({ accountId, key, token }) => ({ accountId, key, token }));
      console.log(JSON.stringify(rows, undefined, 2));
      return;
    }
    for (const player of players) {
      console.log(`account ${player.accountId}  hex ${player.key}`);
      console.log(`  play   ${status.endpoints.http ?? ""}/#token=${player.token}`);
    }
  });
}
