import { Command, InvalidArgumentError } from "commander";
import type { CommandContext } from "./command-context.ts";
import { withHost } from "./with-host.ts";

interface BanOptions {
  readonly until: number;
  readonly reason: string;
  readonly lift: boolean;
}

/** `hexctl ban`: keeps an account of the world that runs here out, or lets it in again. */
export function banCommand(context: CommandContext): Command {
  return new Command("ban")
    .description("Keep an account out: its sessions end, and it gets no tokens.")
    .argument("<account>", "name, or id")
    .option("--until <time>", "when it ends, as 2026-12-24T18:00:00Z; default: never", timeMs, 0)
    .option("--reason <text>", "shown to the player", "")
    .option("--lift", "let it in again", false)
    .action((account: string, options: BanOptions) => ban(context, account, options));
}

async function ban(
  context: CommandContext,
  account: string,
  { until, reason, lift }: BanOptions,
): Promise<void> {
  await withHost(context, async (host) => {
    const done = await host.banAccount({ account, untilMs: BigInt(until), reason, lift });
    const what = lift ? "may come in again" : "is banned";
    console.log(`${done.name} (${done.accountId}) ${what}`);
  });
}

function timeMs(text: string): number {
  const ms = Date.parse(text);
  if (!(ms > Date.now())) throw new InvalidArgumentError(`"${text}" is no time to come`);
  return ms;
}
