import { lockOwner, statusFileOf } from "@hexhold/local-stack";
import { readStatus, type Status } from "./status-file.ts";

/** The status of the live host of a data directory; that of a killed one does not count. */
export function runningStatus(dataDir: string): Status | undefined {
  const owner = lockOwner(dataDir);
  const status = readStatus(statusFileOf(dataDir));
  return owner !== undefined && owner.pid === status?.pid ? status : undefined;
}
