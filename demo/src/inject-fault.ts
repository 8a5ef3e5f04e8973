/** Brings a fault about in the processes of a running world. */
import { signalTree, type WorldStatus } from "@hexhold/testing";
import { isService, type PlannedFault } from "./planned-fault.ts";

export interface Victim {
  /** `worker-2`, `rabbitmq` */
  readonly name: string;
  readonly pid: number;
}

/**
 * Finds whom a fault is meant for: a service, a certain process, or of a kind of process the `nth` in turn.
 * Throws an Error that says why there is none.
 */
export function victimOf(
  { kind, target }: PlannedFault,
  nth: number,
  { services, processes }: Pick<WorldStatus, "services" | "processes">,
): Victim {
  if (isService(target)) {
    const service = services[target];
    if (service === undefined) throw new Error(`this world uses no ${target}`);
    if (service.pid === undefined) {
      throw new Error(
        `${target} was given by URL: the demo does not ${kind} what it did not start`,
      );
    }
    return { name: target, pid: service.pid };
  }
  const found = processes
    .filter((each) => each.name === target || each.kind === target)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const victim = found[nth % found.length];
  const host = processes.find((each) => each.kind === "host");
  if (victim === undefined) {
    const names = processes.map(({ name }) => name).join(", ");
    throw new Error(`no process ${target} runs now; there are ${names}`);
  }
  if (victim.pid === host?.pid) {
    throw new Error(`${victim.name} is one process with the whole world: use --profile cluster`);
  }
  return { name: victim.name, pid: victim.pid };
}

/** Pid under which a process or service runs now; undefined while it does not. */
export function pidNow(
  name: string,
  { services, processes }: Pick<WorldStatus, "services" | "processes">,
): number | undefined {
  return services[name]?.pid ?? processes.find((each) => each.name === name)?.pid;
}

/** How long a frozen process stays so: longer than a lease's time (10 s) would be a dead one. */
export const freezeMs = 10_000;

/**
 * Kills the victim with everything below it, or stops it until `freezeMs` later. Returns what ends the fault at
 * once: nothing for a kill.
 */
export function injectFault({ kind }: PlannedFault, { pid }: Victim): () => void {
  if (kind === "kill") {
    signalTree(pid, "SIGKILL");
    return () => undefined;
  }
  signalTree(pid, "SIGSTOP");
  const thaw = (): void => {
    clearTimeout(timer);
    signalTree(pid, "SIGCONT");
  };
  const timer = setTimeout(thaw, freezeMs);
  return thaw;
}
