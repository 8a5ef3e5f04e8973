export { dropEverythingOfRun } from "./drop-everything-of-run.ts";
export { evenLand } from "./even-land.ts";
export { freshDatabase } from "./fresh-database.ts";
export type { FreshDatabase } from "./fresh-database.ts";
export { freshMongoDatabase, mongodbMissing } from "./fresh-mongo-database.ts";
export type { FreshMongoDatabase } from "./fresh-mongo-database.ts";
export { freshRedis } from "./fresh-redis.ts";
export type { FreshRedis } from "./fresh-redis.ts";
export { freshVhost, managementApi } from "./fresh-vhost.ts";
export type { FreshVhost } from "./fresh-vhost.ts";
export { freshName, providedStack, TEST_NAME_PREFIX } from "./provided-stack.ts";
export type { ProvidedStack } from "./provided-stack.ts";
export { type LedgerDifferences, ledgerDifferences } from "./ledger-differences.ts";
export { logTails, startWorld } from "./start-world.ts";
export type { Player, StartWorldOptions, World, WorldStatus } from "./start-world.ts";
export { domainCommand } from "./domain-command.ts";
export { joinPlayer } from "./load-player.ts";
export type { LoadPlayer, PlayedCommand } from "./load-player.ts";
export { gatewayUrls } from "./gateway-urls.ts";
export { type Machine, machineOf } from "./machine.ts";
export { signalTree, treeOf } from "./signal-tree.ts";
export { type UnsentMessages, unsentMessages } from "./unsent-messages.ts";
export { warningsOf } from "./warnings-of.ts";
export { openStoreProxy, type StoreProxy } from "./store-proxy.ts";
export { withPostgres } from "./with-postgres.ts";
export {
  firstAnswerOfNext,
  firstDecisions,
  longestPauses,
  oneHexPerSlot,
  type OwnedSlot,
  slotOf,
  slotsOf,
  untilSpread,
} from "./slots.ts";
export { type ResetStage, type ResetStageOptions, resetAt, resetStages } from "./reset-stages.ts";
export { refusingRouter } from "./refusing-router.ts";
