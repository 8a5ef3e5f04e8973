import { isPartitionCount } from "@hexhold/hex";
import { declareTopology } from "@hexhold/messaging";
import { Command } from "commander";
import { readWorldConfig } from "../world-host/world-config.ts";
import type { CommandContext } from "./command-context.ts";
import { urlOrSay } from "./url-or-say.ts";

/** `hexctl topology`: declares the exchanges and queues of a world; services never do. */
export function topologyCommand(context: CommandContext): Command {
  return new Command("topology")
    .description("Declare the exchanges and durable queues of a world; what is there stays.")
    .option("--url <url>", "default HEXHOLD_RABBITMQ_URL")
    .option("--partitions <number>", "default: world.partitions of the configuration")
    .action(async (options: { url?: string; partitions?: string }) => {
      const partitions =
        options.partitions === undefined
          ? readWorldConfig(context).partitions
          : Number(options.partitions);
      if (!isPartitionCount(partitions)) {
        throw new Error(`--partitions ${options.partitions}: expected a power of two, 8…64`);
      }
      const url = urlOrSay(options.url, context.env, "HEXHOLD_RABBITMQ_URL");
      const queues = await declareTopology(url, partitions);
      console.log(`Declared ${queues.length} queues: ${queues.join(", ")}.`);
    });
}
