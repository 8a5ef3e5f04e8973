import { Command, InvalidArgumentError } from "commander";
import { accountIdOf } from "../look/account-id.ts";
import type { CommandContext } from "./command-context.ts";
import { withHost } from "./with-host.ts";
import { withStores } from "./with-stores.ts";

interface GrantOptions {
  readonly reason: string;
  readonly item?: string;
}

/** `hexctl grant`: gives an account of the world that runs here goods or an item, out of nothing. */
export function grantCommand(context: CommandContext): Command {
  return new Command("grant")
    .description(
      "Give an account goods, or an item, out of nothing. It is in its history for ever.",
    )
    .argument("<account>", "name, or id")
    .argument("[asset]", "what, as in wood or coin")
    .argument("[amount]", "how much, 1 to 10^12", wholeAmount)
    .option("--item <kind>", "instead: one item of this kind, as in plaque")
    .requiredOption("--reason <text>", "for the history and the log")
    .action((account: string, asset: string | undefined, amount: bigint | undefined, options) =>
      grant(context, { account, asset, amount }, options as GrantOptions),
    );
}

async function grant(
  context: CommandContext,
  given: {
    readonly account: string;
    readonly asset: string | undefined;
    readonly amount: bigint | undefined;
  },
  { reason, item }: GrantOptions,
): Promise<void> {
  const { account, asset = "", amount = 0n } = given;
  if ((item === undefined) === (asset === "" || amount === 0n)) {
    throw new Error("Give an asset and an amount, or --item and its kind.");
  }
  let accountId = "";
  await withStores(context, {}, async (client) => {
    accountId = await accountIdOf(client, account);
  });
  await withHost(context, async (host) => {
    const asked = { accountId, asset, amount, itemKind: item ?? "", reason };
    const { transactionId, itemId } = await host.grant(asked);
    const what = itemId === "" ? `${amount} ${asset}` : `${item} ${itemId}`;
    console.log(`${accountId} has got ${what} (transaction ${transactionId})`);
  });
}

function wholeAmount(text: string): bigint {
  if (!/^[1-9][0-9]{0,12}$/.test(text) || BigInt(text) > 1_000_000_000_000n) {
    throw new InvalidArgumentError(`"${text}" is no whole number from 1 to 10^12`);
  }
  return BigInt(text);
}
