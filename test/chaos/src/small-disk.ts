/** A disk of our own (tmpfs) that a test fills to its last byte. Needs root, on Linux. */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SmallDisk {
  readonly path: string;
  /** Takes every byte that is free, and every one that becomes free, until `empty`. */
  readonly fill: () => void;
  readonly empty: () => void;
  readonly remount: (options: string) => void;
  /** What still runs there loses its disk. */
  readonly remove: () => void;
}

const fillEveryMs = 20;
const block = Buffer.alloc(64 * 1024);

export function mayMount(): boolean {
  return process.platform === "linux" && process.getuid?.() === 0;
}

/** @param options of the mount, e.g. `size=512m,mode=777` */
export function mountSmallDisk(options: string): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), "hexhold-disk-"));
  mount("-t", "tmpfs", "-o", options, "tmpfs", path);
  const filler = join(path, "filler");
  let handle: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  const fill = (): void => {
    handle ??= openSync(filler, "a");
    for (let size = block.length; size > 0;) {
      try {
        if (writeSync(handle, block, 0, size) < size) return;
        if (statfsSync(path).bavail === 0) return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
        size = Math.floor(size / 2);
      }
    }
  };
  const empty = (): void => {
    clearInterval(timer);
    if (handle !== undefined) closeSync(handle);
    handle = undefined;
    rmSync(filler, { force: true });
  };
  return {
    path,
    fill() {
      fill();
      timer = setInterval(fill, fillEveryMs);
    },
    empty,
    remount: (changed) => mount("-o", `remount,${changed}`, path),
    remove() {
      empty();
      spawnSync("umount", ["--lazy", path], { stdio: "inherit" });
      rmSync(path, { recursive: true, force: true });
    },
  };
}

function mount(...args: string[]): void {
  const { status } = spawnSync("mount", args, { stdio: "inherit" });
  if (status !== 0) throw new Error(`mount ${args.join(" ")} ended with ${status}`);
}
