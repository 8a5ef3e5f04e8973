import { readFileSync } from "node:fs";
import { osReason } from "@hexhold/config";
import { isPartitionCount } from "@hexhold/hex";
import { declareTopology, makeBrokerUsers, readBrokerRights, vhostOf } from "@hexhold/messaging";
import { Command } from "commander";
import { z } from "zod";
import { readWorldConfig } from "../world-host/world-config.ts";
import type { CommandContext } from "./command-context.ts";
import { urlOrSay } from "./url-or-say.ts";

/** `hexctl topology`: declares the exchanges and queues of a world; services never do. */
export function topologyCommand(context: CommandContext): Command {
  return new Command("topology")
    .description("Declare the exchanges and durable queues of a world; what is there stays.")
    .option("--url <url>", "default HEXHOLD_RABBITMQ_URL")
    .option("--partitions <number>", "default: world.partitions of the configuration")
    .option(
      "--users <file>",
      "also make the services' users with their rights: JSON, service → password (16 characters or more)",
    )
    .option(
      "--management-url <url>",
      "with --users: of RabbitMQ's management, as an administrator; default HEXHOLD_RABBITMQ_MANAGEMENT_URL",
    )
    .action(async (options: TopologyOptions) => {
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
      if (options.users === undefined) return;
      const managementUrl = urlOrSay(
        options.managementUrl,
        context.env,
        "HEXHOLD_RABBITMQ_MANAGEMENT_URL",
      );
      const rights = readBrokerRights(context.checkout);
      const passwords = readPasswords(options.users, Object.keys(rights));
      const users = await makeBrokerUsers({
        managementUrl,
        vhost: vhostOf(url),
        rights,
        passwordOf: (service) => passwords[service],
      });
      console.log(`Users: ${users.join(", ")}.`);
    });
}

interface TopologyOptions {
  readonly url?: string;
  readonly partitions?: string;
  readonly users?: string;
  readonly managementUrl?: string;
}

/** Throws, with what to do, when the file is not one of passwords of these services. */
function readPasswords(file: string, services: readonly string[]): Record<string, string> {
  const schema = z.partialRecord(z.enum(services), z.string().min(16));
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8"))) as Record<string, string>;
  } catch (error) {
    const what = error instanceof z.ZodError ? z.prettifyError(error) : osReason(error);
    throw new Error(
      `--users ${file}: expected JSON with a password of 16 characters or more for some of ${services.join(", ")}: ${what}`,
      { cause: error },
    );
  }
}
