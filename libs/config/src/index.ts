export { tokenAudience, tokenIssuer } from "./access-token.ts";
export { widenBufferPool } from "./buffer-pool.ts";
export { ConfigError } from "./config-error.ts";
export type { ConfigFault } from "./config-error.ts";
export { environmentName, loadConfig } from "./load-config.ts";
export type { ConfigSources, Environment } from "./load-config.ts";
export { exitWhenParentGone } from "./parent-watch.ts";
export type { ParentWatchOptions } from "./parent-watch.ts";
export { hostOf, urlOf } from "./url-of.ts";
export { releaseVersion } from "./release-version.ts";
export { runService } from "./run-service.ts";
export type { RunningService } from "./run-service.ts";
export {
  booksOption,
  clusterSection,
  gameSection,
  logLevelOption,
  worldSection,
} from "./shared-sections.ts";
export { createUnwind, EndError, startWhole } from "./unwind.ts";
export type { Unwind } from "./unwind.ts";
export { codeOf, isAbsent, isThere, osReason, readIfThere } from "./read-if-there.ts";
export { causesOf, storeRefusal } from "./store-refusal.ts";
export { type PostgresWatch, watchPostgres } from "./watch-postgres.ts";
