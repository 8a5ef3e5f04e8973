export { DataDirInUse, dataDirPath, openDataDir, statusFileOf } from "./data-dir.ts";
export type { DataDir } from "./data-dir.ts";
export { readStatus, removeStatus, writeStatus } from "./status-file.ts";
export type { Status } from "./status-file.ts";
