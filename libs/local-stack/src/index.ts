export { cacheFolder } from "./cache-folder.ts";
export { compileCacheFolder } from "./compile-cache.ts";
export { findContainerEngine } from "./container.ts";
export {
  DataDirInUse,
  DataDirUnusable,
  dataDirPath,
  ledgerFileOf,
  lockOwner,
  logDirOf,
  openDataDir,
  statusFileOf,
} from "./data-dir.ts";
export type { DataDir, LockOwner } from "./data-dir.ts";
export { probeExternal } from "./external-service.ts";
export { builtFerretdb, findGo } from "./ferretdb-binary.ts";
export { takeFileLock } from "./file-lock.ts";
export { isExecutable, isReachableByOthers } from "./find-binary.ts";
export { freePorts, isPortFree } from "./free-ports.ts";
export { CHECKOUT, startLocalStack } from "./local-stack.ts";
export type { LocalStack, LocalStackOptions } from "./local-stack.ts";
export { olderLogOf } from "./log-keeper.ts";
export { mongodbAdvice, systemMongod } from "./mongodb.ts";
export { packagedPostgres, postgresAdvice, systemPostgres } from "./postgres-binaries.ts";
export {
  allPids,
  identityOf,
  isRunning,
  killTree,
  parentOf,
  sendSignal,
  waitUntilGone,
} from "./process/process-identity.ts";
export type { ProcessIdentity } from "./process/process-identity.ts";
export { LedgerDamaged, openLedger, readLedger } from "./process/process-ledger.ts";
export { runProgram } from "./process/run-program.ts";
export type { ProcessLedger } from "./process/process-ledger.ts";
export { processesOf } from "./process/processes-of.ts";
export { printedBy, startServerProcess } from "./process/server-process.ts";
export type { ServerProcess } from "./process/server-process.ts";
export { sentenceOf } from "./process/telling-line.ts";
export { rabbitmqAdvice, systemRabbitmq } from "./rabbitmq-binaries.ts";
export { redisAdvice, systemRedis } from "./redis.ts";
export { OwnFileDamaged, readOwnFile } from "./own-file.ts";
export { ServiceNotFound, SOURCES } from "./resolution.ts";
export type { NotHere, Source } from "./resolution.ts";
export {
  isServiceDataInUse,
  outsideFolder,
  outsideMark,
  outsideRoot,
  removeDataDir,
} from "./service-folder.ts";
export { SERVICE_NAMES, withoutPassword } from "./service-handle.ts";
export type { ServiceHandle, ServiceName } from "./service-handle.ts";
export { serviceUrlsFrom } from "./service-urls.ts";
export type { StackProgress } from "./start-context.ts";
export { writeFileWhole } from "./write-file-whole.ts";
