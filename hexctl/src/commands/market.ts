import { Command } from "commander";
import { accountIdOf } from "../look/account-id.ts";
import { marketLines, readMarket } from "../look/market-report.ts";
import type { StoreUrls } from "../world-stores.ts";
import type { CommandContext } from "./command-context.ts";
import { withHost } from "./with-host.ts";
import { withStores } from "./with-stores.ts";

interface MarketOptions extends StoreUrls {
  readonly json: boolean;
  readonly halt: boolean;
  readonly resume: boolean;
  readonly endOrders?: string;
  readonly reason?: string;
}

/** `hexctl market`: exit code 1 when there is no such book. */
export function marketCommand(context: CommandContext): Command {
  return new Command("market")
    .description("Show the books of the market, or one of them; stop and resume one, end orders.")
    .argument("[book]", "name of its asset; default: all")
    .option("--halt", "stop matching in the book; cancels and expiry go on", false)
    .option("--resume", "let it go on", false)
    .option("--end-orders <account>", "end every order of this account (name, or id) in the book")
    .option("--reason <text>", "of --halt, --resume and --end-orders")
    .option("--json", "as JSON", false)
    .option("--postgres-url <url>", "default: of the world that runs here, or HEXHOLD_POSTGRES_URL")
    .option("--mongodb-url <url>", "not needed; as in the other commands")
    .action((book: string | undefined, options: MarketOptions) => market(context, book, options));
}

async function market(
  context: CommandContext,
  book: string | undefined,
  options: MarketOptions,
): Promise<void> {
  const asked = [options.halt, options.resume, options.endOrders !== undefined];
  const orders = asked.filter(Boolean).length;
  if (orders > 1) throw new Error("Give one of --halt, --resume and --end-orders.");
  if (orders === 1) {
    const { reason } = options;
    if (book === undefined || reason === undefined) {
      throw new Error("Name the book, and give a --reason.");
    }
    await change(context, book, { ...options, reason });
    return;
  }
  await withStores(context, options, async (client) => {
    const report = await readMarket(client, book);
    if (report === undefined) throw new Error(`There is no book ${book}.`);
    if (options.json) console.log(JSON.stringify(report, undefined, 2));
    else for (const line of marketLines(report)) console.log(line);
  });
}

async function change(
  context: CommandContext,
  book: string,
  { halt, endOrders, reason }: MarketOptions & { readonly reason: string },
): Promise<void> {
  let accountId = "";
  if (endOrders !== undefined) {
    await withStores(context, {}, async (client) => {
      accountId = await accountIdOf(client, endOrders);
    });
  }
  await withHost(context, async (host) => {
    if (endOrders === undefined) {
      await host.haltBook({ book, halted: halt, reason });
      console.log(`${book} ${halt ? "is halted" : "goes on"}`);
    } else {
      const { ended } = await host.endOrders({ book, accountId, reason });
      console.log(`${ended} orders of ${accountId} in ${book} are ended`);
    }
  });
}
