/** Faults as a command line asks for them. */
import { parseDuration } from "./parse-duration.ts";

export type FaultKind = "kill" | "freeze";

export interface PlannedFault {
  readonly kind: FaultKind;
  /** A kind of process (`worker`), one process (`worker-2`), or a service (`rabbitmq`). */
  readonly target: string;
  /** From when all bots play. */
  readonly atMs: number;
}

/** What a fault can name besides a service; `worker` is one of them, `worker-2` a certain one. */
export const processKinds = [
  "worker",
  "gateway",
  "router",
  "accounts",
  "inventory",
  "market",
  "chat",
  "governance",
] as const;
export const serviceNames = ["rabbitmq", "postgres", "redis", "mongodb"] as const;

/** True for a service of the world, which other programs run. */
export function isService(target: string): boolean {
  return serviceNames.some((name) => name === target);
}

/** Reads `worker=5s`. Throws an Error that says what is wrong and what would be right. */
export function parseFault(kind: FaultKind, text: string): PlannedFault {
  const [target = "", time = "", ...rest] = text.split("=");
  const atMs = parseDuration(time);
  if (atMs === undefined || rest.length > 0) {
    throw new Error(`"${text}" is no fault: write what, "=" and when, such as worker=5s`);
  }
  const [base = "", number] = target.split(/-(?=\d+$)/);
  const isProcess = processKinds.some((name) => name === base);
  if (!isProcess && !(isService(base) && number === undefined)) {
    throw new Error(
      `there is no "${target}" to ${kind}: name one of ${[...processKinds, ...serviceNames].join(", ")}, or one process, such as worker-2`,
    );
  }
  return { kind, target, atMs };
}
