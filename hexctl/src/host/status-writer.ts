import type { LocalStack } from "../local-stack/local-stack.ts";
import { writeStatus, type Status } from "../status-file.ts";

/** What the status file says of a stack's services. */
export function servicesStatus(stack: LocalStack): Status["services"] {
  return Object.fromEntries(
    Object.values(stack.services).map(({ name, url, pid, version }) => [
      name,
      { url, version, ...(pid === undefined ? {} : { pid }) },
    ]),
  );
}

/** The status file of a host that begins to start; the host writes it again with what it learns. */
export function openStatus(file: string, profile: Status["profile"]): StatusWriter {
  let status: Status = {
    format: 1,
    ready: false,
    profile,
    startedAt: new Date().toISOString(),
    pid: process.pid,
    endpoints: {},
    sql: {},
    services: {},
    processes: [],
  };
  writeStatus(file, status);
  return {
    update(change) {
      status = { ...status, ...change };
      writeStatus(file, status);
    },
  };
}

export interface StatusWriter {
  /** Replaces the named fields and writes the file. */
  readonly update: (change: Partial<Status>) => void;
}
