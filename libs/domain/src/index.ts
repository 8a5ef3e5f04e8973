export { storePauseMs } from "./batch-handler.ts";
export type { ProducerIdentity } from "./dead-letter.ts";
export {
  type CommandOutcome,
  type DomainCommand,
  type DomainMessage,
  type HandleCommand,
  type HandleEvents,
  type MessageHandler,
  onCommand,
  onEvents,
} from "./service-definition.ts";
export { type DomainOptions, type RunningDomain, startDomain } from "./start-domain.ts";
export {
  inTransaction,
  StoreOutageError,
  type Statement,
  type Transaction,
} from "./transaction.ts";
