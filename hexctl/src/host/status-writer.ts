import { osReason } from "@hexhold/config";
import type { LocalStack } from "@hexhold/local-stack";
import { removeStatus, writeStatus, type Status } from "../status-file.ts";

/** What the status file says of a stack's services. */
export function servicesStatus(stack: LocalStack): Status["services"] {
  return Object.fromEntries(
    Object.values(stack.services).map(({ name, url, managementUrl, pid, version }) => [
      name,
      {
        url,
        version,
        ...(managementUrl === undefined ? {} : { managementUrl }),
        ...(pid === undefined ? {} : { pid }),
      },
    ]),
  );
}

/** After a write that failed (a full disk), until the next attempt. */
const againMs = 500;

/**
 * The status file of a host that begins to start; the host writes it again with what it learns. The first write
 * throws when it fails; a later one is made good as soon as it can be, as a world does not end for want of this file.
 */
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
  let again: NodeJS.Timeout | undefined;
  let isClosed = false;
  const write = (): void => {
    clearTimeout(again);
    if (isClosed) return;
    try {
      writeStatus(file, status);
    } catch {
      again = setTimeout(write, againMs).unref();
    }
  };
  try {
    writeStatus(file, status);
  } catch (error) {
    throw new Error(`${file} cannot be written: ${osReason(error)}.`, { cause: error });
  }
  return {
    update(change) {
      status = { ...status, ...change };
      write();
    },
    close() {
      isClosed = true;
      clearTimeout(again);
      removeStatus(file);
    },
  };
}

export interface StatusWriter {
  /** Replaces the named fields and writes the file. Never throws. */
  readonly update: (change: Partial<Status>) => void;
  /** Removes the file. */
  readonly close: () => void;
}
