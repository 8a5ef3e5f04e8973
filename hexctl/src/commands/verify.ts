import { writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Game } from "@hexhold/actor";
import { releaseVersion } from "@hexhold/config";
import type { Key } from "@hexhold/hex";
import type { PgClient } from "@hexhold/postgres";
import { Command } from "commander";
import {
  economyLines,
  type EconomyReport,
  verifyEconomy,
} from "../verify/economy/verify-economy.ts";
import { type VerifyReport, verifyLines } from "../verify/verify-report.ts";
import { verifyWorld } from "../verify/verify-world.ts";
import { openWorldStores, type StoreUrls } from "../world-stores.ts";
import type { CommandContext } from "./command-context.ts";
import { hexKey } from "./hex-key.ts";
import { wholeNumber } from "./whole-number.ts";
import { withStores } from "./with-stores.ts";

interface VerifyCommandOptions extends StoreUrls {
  readonly hex?: Key;
  readonly exact: boolean;
  readonly json?: string;
  readonly economy: boolean;
  readonly watch?: number;
}

const progressEveryMs = 2000;

/** `hexctl verify`: exit code 1 when something stored is not what the journal says. */
export function verifyCommand(context: CommandContext): Command {
  return new Command("verify")
    .description(
      "Fold the journal of every hex by the rules of the game and compare it with heads, epochs, snapshots and the ledger. Changes nothing; the world may run.",
    )
    .option("--hex <key>", "this hex alone", hexKey)
    .option(
      "--exact",
      "a snapshot that is behind or missing is a fault: for a world at rest",
      false,
    )
    .option(
      "--economy",
      "instead: hold ledger, escrow, orders, trades, offers and items against each other, as of one moment, under way or not",
      false,
    )
    .option("--watch <seconds>", "with --economy: again and again, until Ctrl-C", wholeNumber(3600))
    .option("--json <file>", "also write the result, with every fault, into this file")
    .option("--postgres-url <url>", "default: of the world that runs here, or HEXHOLD_POSTGRES_URL")
    .option("--mongodb-url <url>", "where snapshots are in MongoDB; default: as above")
    .action((options: VerifyCommandOptions) => verify(context, options));
}

async function verify(context: CommandContext, options: VerifyCommandOptions): Promise<void> {
  if (options.economy) {
    if (options.hex !== undefined || options.exact) {
      throw new Error(
        "--economy is about the whole world, at any moment: without --hex and --exact.",
      );
    }
    await withStores(context, options, (client, { game }) =>
      watchEconomy(context, client, game, options),
    );
    return;
  }
  if (options.watch !== undefined) throw new Error("--watch goes with --economy.");
  const stores = await openWorldStores(context, options);
  try {
    const report = await verifyWorld({
      ...stores,
      exact: options.exact,
      ledger: true,
      ...(options.hex === undefined ? {} : { key: options.hex }),
      onProgress: printProgress(),
    });
    if (options.hex !== undefined && report.hexes === 0) {
      throw new Error(`Nothing is stored of ${report.key}: no journal, no head, no snapshot.`);
    }
    if (options.json !== undefined) writeFileSync(options.json, jsonOf(report));
    for (const line of verifyLines(report)) console.log(line);
    if (report.failed > 0) context.exitCode = 1;
  } finally {
    await stores.close();
  }
}

/** Looks once, or until it is interrupted; the exit code says whether anything was ever wrong. */
async function watchEconomy(
  context: CommandContext,
  client: PgClient,
  game: Game,
  { watch, json }: Pick<VerifyCommandOptions, "watch" | "json">,
): Promise<void> {
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort());
  do {
    const report = await verifyEconomy(client, game);
    if (json !== undefined) writeFileSync(json, jsonOf(report));
    for (const line of economyLines(report)) console.log(line);
    if (report.violations > 0) context.exitCode = 1;
    if (watch === undefined) return;
    await sleep(watch * 1000, undefined, { signal: interrupted.signal }).catch(() => undefined);
  } while (!interrupted.signal.aborted);
}

/** To stderr, now and then: a long run shows that it goes on. */
function printProgress(): (done: number, hexes: number, events: number) => void {
  let printedMs = performance.now();
  return (done, hexes, events) => {
    if (performance.now() - printedMs < progressEveryMs) return;
    printedMs = performance.now();
    console.error(`bucket ${done} of 1024: ${hexes} hexes, ${events} events`);
  };
}

function jsonOf(report: VerifyReport | EconomyReport): string {
  const machine = {
    cpus: cpus().length,
    model: cpus()[0]?.model,
    memoryMb: Math.round(totalmem() / 1e6),
  };
  const versions = { hexhold: releaseVersion, node: process.version };
  return `${JSON.stringify({ ...report, machine, versions }, undefined, 2)}\n`;
}
