import { join } from "node:path";
import { migrate } from "@hexhold/postgres";
import { Command } from "commander";
import type { CommandContext } from "./command-context.ts";
import { urlOrSay } from "./url-or-say.ts";

/** `hexctl migrate`: brings the schemas of a database to this software's version. */
export function migrateCommand(context: CommandContext): Command {
  return new Command("migrate")
    .description("Make roles and bring all schemas up to date; one runs at a time, others wait.")
    .option("--url <url>", "as a superuser; default HEXHOLD_POSTGRES_URL")
    .action(async (options: { url?: string }) => {
      const applied = await migrate({
        adminUrl: urlOrSay(options.url, context.env, "HEXHOLD_POSTGRES_URL"),
        directory: join(context.checkout, "infra/pg_migrations"),
        onProgress: (line) => console.log(line),
      });
      if (applied.length === 0) console.log("Everything is up to date.");
    });
}
