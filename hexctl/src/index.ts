export { readStatus, removeStatus, writeStatus } from "./status-file.ts";
export type { Status } from "./status-file.ts";
