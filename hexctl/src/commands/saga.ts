import { AdminService } from "@hexhold/gen/hexhold/admin/v1/admin_pb";
import { openChannel } from "@hexhold/rpc";
import { Command } from "commander";
import { bookOfOrder, readSagas, sagaLines } from "../look/saga-report.ts";
import { runningStatus } from "../running-status.ts";
import { idPattern } from "../world-host/account-admin.ts";
import type { StoreUrls } from "../world-stores.ts";
import type { CommandContext } from "./command-context.ts";
import { wholeNumber } from "./whole-number.ts";
import { asAuditor } from "../verify/as-auditor.ts";
import { withHost } from "./with-host.ts";
import { withStores } from "./with-stores.ts";

interface SagaOptions extends StoreUrls {
  readonly older?: number;
  readonly json: boolean;
}

const callTimeoutMs = 15_000;

/** `hexctl saga`: what services have begun with each other and not ended. */
export function sagaCommand(context: CommandContext): Command {
  const saga = new Command("saga")
    .description(
      "Show steps between services without an end: escrow and goods that are asked for, settlements, releases, gifts and credits that are owed; and the dead letters of them.",
    )
    .option("--older <seconds>", "those alone that are as old", wholeNumber())
    .option("--json", "as JSON", false)
    .option("--postgres-url <url>", "default: of the world that runs here, or HEXHOLD_POSTGRES_URL")
    .option("--mongodb-url <url>", "not needed; as in the other commands")
    .action((options: SagaOptions) => show(context, options));
  saga
    .command("retry")
    .description(
      "Send the message of a dead letter again, unchanged: what was done already is not done again.",
    )
    .argument("<letter>", "its id, as `hexctl saga` shows it")
    .action((letter: string) => retry(context, letter))
    .exitOverride();
  saga
    .command("ask")
    .description(
      "Have whoever waits for the answer to an asked step ask for it now, instead of when it would by itself.",
    )
    .argument("<id>", "of the step, as `hexctl saga` shows it")
    .action((id: string) => ask(context, id))
    .exitOverride();
  return saga;
}

async function show(context: CommandContext, options: SagaOptions): Promise<void> {
  await withStores(context, options, async (client, { game }) => {
    const report = await asAuditor(client, () => readSagas(client, game, options.older ?? 0));
    if (options.json) console.log(JSON.stringify(report, undefined, 2));
    else for (const line of sagaLines(report)) console.log(line);
  });
}

/** Whose step it is, the rows say: an order's escrow is the market's to ask for. */
async function ask(context: CommandContext, id: string): Promise<void> {
  if (!idPattern.test(id)) throw new Error(`${JSON.stringify(id)} is no id of a step: a UUID.`);
  let book: string | undefined;
  await withStores(context, {}, async (client) => {
    book = await asAuditor(client, () => bookOfOrder(client, id));
  });
  if (book === undefined) {
    throw new Error(`No step ${id} waits for an answer; hexctl saga lists those that do.`);
  }
  const asked = { book, orderId: id };
  await withHost(context, async (host) => {
    await host.askHold(asked);
    console.log(`the market has asked what became of the escrow of order ${id} in ${asked.book}`);
  });
}

async function retry(context: CommandContext, eventId: string): Promise<void> {
  const { endpoints, adminToken } = runningStatus(context.dataDir) ?? {};
  if (endpoints?.admin === undefined) {
    throw new Error(`No world runs in ${context.dataDir}, or it has no admin port.`);
  }
  const channel = openChannel(endpoints.admin, { token: adminToken ?? "", callTimeoutMs });
  try {
    const { type, queue } = await channel.client(AdminService).retryDeadLetter({ eventId });
    console.log(`${type} is in ${queue} again`);
  } finally {
    channel.close();
  }
}
