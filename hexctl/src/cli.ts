import { Command, CommanderError } from "commander";
import { banCommand } from "./commands/ban.ts";
import type { CommandContext } from "./commands/command-context.ts";
import { chatCommand } from "./commands/chat.ts";
import { drainCommand } from "./commands/drain.ts";
import { councilCommand } from "./commands/council.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { formatCommand } from "./commands/format.ts";
import { grantCommand } from "./commands/grant.ts";
import { hexCommand } from "./commands/hex.ts";
import { historyCommand } from "./commands/history.ts";
import { logsCommand } from "./commands/logs.ts";
import { marketCommand } from "./commands/market.ts";
import { playerCommand } from "./commands/player.ts";
import { resendCommand } from "./commands/resend.ts";
import { rollCommand } from "./commands/roll.ts";
import { rotateKeysCommand } from "./commands/rotate-keys.ts";
import { sagaCommand } from "./commands/saga.ts";
import { statusCommand } from "./commands/status.ts";
import { stopCommand } from "./commands/stop.ts";
import { startCommand } from "./commands/start.ts";
import { tokenCommand } from "./commands/token.ts";
import { topologyCommand } from "./commands/topology.ts";
import { migrateCommand } from "./commands/migrate.ts";
import { upCommand } from "./commands/up.ts";
import { verifyCommand } from "./commands/verify.ts";
import { CHECKOUT, dataDirPath } from "@hexhold/local-stack";

/** One line per command; each lives in a file of its own under `commands/`. */
const COMMANDS: readonly ((context: CommandContext) => Command)[] = [
  startCommand,
  tokenCommand,
  banCommand,
  rotateKeysCommand,
  migrateCommand,
  topologyCommand,
  upCommand,
  statusCommand,
  rollCommand,
  drainCommand,
  stopCommand,
  logsCommand,
  hexCommand,
  playerCommand,
  marketCommand,
  councilCommand,
  chatCommand,
  grantCommand,
  sagaCommand,
  verifyCommand,
  resendCommand,
  formatCommand,
  historyCommand,
  doctorCommand,
];

/** Runs a command line and returns the exit code. An error's message is printed, its stack only with HEXHOLD_DEBUG. */
export async function runCli(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const context: CommandContext = {
    checkout: CHECKOUT,
    dataDir: dataDirPath(CHECKOUT, env),
    env,
    exitCode: 0,
  };
  const program = new Command("hexctl")
    .description("Runs and steers a Hexhold on this machine.")
    .exitOverride();
  for (const command of COMMANDS) {
    program.addCommand(command(context).exitOverride());
  }
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode;
    }
    sayError(error, env);
    return 1;
  }
  return context.exitCode;
}

/** The reason, on standard error; its stack and causes only with HEXHOLD_DEBUG. */
export function sayError(error: unknown, env: Readonly<Record<string, string | undefined>>): void {
  const isDebugging = env["HEXHOLD_DEBUG"] !== undefined && error instanceof Error;
  console.error(isDebugging ? error : messageOf(error));
}

/** An AggregateError of Node's net module has no message of its own. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== "") return error.message;
  if (error instanceof AggregateError) return error.errors.map(messageOf).join("; ");
  return error.name;
}
