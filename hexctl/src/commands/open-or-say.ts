import { DataDirInUse, openDataDir, type DataDir } from "@hexhold/local-stack";
import type { CommandContext } from "./command-context.ts";

/** Opens the data directory; when another host has it, says so, sets the exit code and returns undefined. */
export async function openOrSay(context: CommandContext): Promise<DataDir | undefined> {
  try {
    const dataDir = await openDataDir(context.dataDir);
    for (const { name, pid } of dataDir.endedLeftovers) {
      console.log(`Ended ${name} (pid ${pid}), left by a run that was killed.`);
    }
    for (const warning of dataDir.warnings) console.error(warning);
    return dataDir;
  } catch (error) {
    if (!(error instanceof DataDirInUse)) throw error;
    console.error(error.message);
    context.exitCode = 1;
    return undefined;
  }
}
