import { renameSync, rmSync, writeFileSync } from "node:fs";

/**
 * Writes a file so that a reader sees the old content or the new one, never half of it:
 * into a neighbour, then renamed. Mode 0600, because what hexctl writes holds passwords.
 * Not synced to disk: these files describe processes, which a power cut ends as well.
 */
export function writeFileWhole(file: string, content: string): void {
  const neighbour = `${file}.${process.pid}.new`;
  try {
    writeFileSync(neighbour, content, { mode: 0o600 });
    renameSync(neighbour, file);
  } catch (error) {
    rmSync(neighbour, { force: true });
    throw error;
  }
}
