import { writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { releaseVersion } from "@hexhold/config";
import type { Key } from "@hexhold/hex";
import { Command } from "commander";
import { type VerifyReport, verifyLines } from "../verify/verify-report.ts";
import { verifyWorld } from "../verify/verify-world.ts";
import { openWorldStores, type StoreUrls } from "../world-stores.ts";
import type { CommandContext } from "./command-context.ts";
import { hexKey } from "./hex-key.ts";

interface VerifyCommandOptions extends StoreUrls {
  readonly hex?: Key;
  readonly exact: boolean;
  readonly json?: string;
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
    .option("--json <file>", "also write the result, with every fault, into this file")
    .option("--postgres-url <url>", "default: of the world that runs here, or HEXHOLD_POSTGRES_URL")
    .option("--mongodb-url <url>", "where snapshots are in MongoDB; default: as above")
    .action((options: VerifyCommandOptions) => verify(context, options));
}

async function verify(context: CommandContext, options: VerifyCommandOptions): Promise<void> {
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

/** To stderr, now and then: a long run shows that it goes on. */
function printProgress(): (done: number, hexes: number, events: number) => void {
  let printedMs = performance.now();
  return (done, hexes, events) => {
    if (performance.now() - printedMs < progressEveryMs) return;
    printedMs = performance.now();
    console.error(`bucket ${done} of 1024: ${hexes} hexes, ${events} events`);
  };
}

function jsonOf(report: VerifyReport): string {
  const machine = {
    cpus: cpus().length,
    model: cpus()[0]?.model,
    memoryMb: Math.round(totalmem() / 1e6),
  };
  const versions = { hexhold: releaseVersion, node: process.version };
  return `${JSON.stringify({ ...report, machine, versions }, undefined, 2)}\n`;
}
