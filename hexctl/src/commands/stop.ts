import { Command } from "commander";
import {
  DataDirInUse,
  killTree,
  lockOwner,
  openDataDir,
  sendSignal,
  waitUntilGone,
} from "@hexhold/local-stack";
import type { CommandContext } from "./command-context.ts";

/** Longer than the slowest orderly stop (RabbitMQ's bound is 15 s, then the product's drain). */
const STOP_BOUND_MS = 60_000;

/** `hexctl stop`: exit code 0 also when nothing ran. */
export function stopCommand(context: CommandContext): Command {
  return new Command("stop")
    .description("Stop what runs, wait until it is gone, and end what a killed run has left.")
    .action(() => stop(context.dataDir));
}

async function stop(path: string): Promise<void> {
  const owner = lockOwner(path);
  if (owner !== undefined) {
    const { identity } = owner;
    // Says why it cannot be stopped from here.
    if (identity === undefined) throw new DataDirInUse(path, owner);
    sendSignal(identity.pid, "SIGTERM");
    if (!(await waitUntilGone(identity, STOP_BOUND_MS))) {
      console.log(`Pid ${owner.pid} does not stop within ${STOP_BOUND_MS / 1_000} s: killing it.`);
      killTree(identity.pid);
      await waitUntilGone(identity, STOP_BOUND_MS);
    }
  }
  const dataDir = await openDataDir(path);
  dataDir.close();
  const ended = dataDir.endedLeftovers.map(({ name, pid }) => `${name} (pid ${pid})`);
  if (owner === undefined && ended.length === 0) {
    console.log(`Nothing runs in ${path}.`);
    return;
  }
  const left = ended.length === 0 ? "" : ` Ended what was left: ${ended.join(", ")}.`;
  console.log(`${owner === undefined ? "Nothing ran." : `Stopped (pid ${owner.pid}).`}${left}`);
}
