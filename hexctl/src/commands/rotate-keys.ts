import { Command } from "commander";
import type { CommandContext } from "./command-context.ts";
import { withHost } from "./with-host.ts";

/** `hexctl rotate-keys`: a new key for access tokens in the world that runs here. */
export function rotateKeysCommand(context: CommandContext): Command {
  return new Command("rotate-keys")
    .description("Sign access tokens by a new key; tokens of older keys stay valid until they end.")
    .action(async () => {
      await withHost(context, async (host) => {
        const { kid } = await host.rotateAccessKeys({});
        console.log(`access tokens are signed by ${kid} now`);
      });
    });
}
