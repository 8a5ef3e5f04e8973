import { readFileSync, readlinkSync } from "node:fs";
import { outsideFolder } from "../service-folder.ts";
import { allPids } from "./process-identity.ts";

/** Pids of all processes but this one that have anything to do with a data directory: for tests. */
export function processesOf(dataDir: string): number[] {
  const marks = [dataDir, outsideFolder(dataDir)];
  return allPids().filter((pid) => {
    try {
      const text = [
        readlinkSync(`/proc/${pid}/cwd`),
        readFileSync(`/proc/${pid}/cmdline`, "utf8"),
        readFileSync(`/proc/${pid}/environ`, "utf8"),
      ].join("\n");
      return pid !== process.pid && marks.some((mark) => text.includes(mark));
    } catch {
      return false;
    }
  });
}
