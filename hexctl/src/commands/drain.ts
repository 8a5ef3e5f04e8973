import { Command } from "commander";
import type { CommandContext } from "./command-context.ts";
import { withHost } from "./with-host.ts";

/** `hexctl drain`: brings a running world to rest, to be looked at or backed up, while its services stay up. */
export function drainCommand(context: CommandContext): Command {
  return new Command("drain")
    .description(
      "Stop the workers of the running world in good order: snapshots are saved, no command is executed any more, services stay up. Ends with the world: stop and start it again.",
    )
    .action(() =>
      withHost(context, async (host) => {
        const { names } = await host.drainWorkers({});
        console.log(`Stopped ${names.length === 0 ? "none: no worker runs" : names.join(", ")}.`);
      }),
    );
}
