export type { ProducerIdentity } from "./dead-letter.ts";
export { createDueStore, type DueStore, type DueTimer } from "./due/due-store.ts";
export type { DueHandler } from "./due/run-due.ts";
export type { OutboxMessage } from "./domain-store.ts";
export { type NamedHandler, namedFor, namesByType } from "./named-handler.ts";
export {
  createOutbox,
  hexDestination,
  type Outbox,
  type OutboxOptions,
  outboxStatement,
  type Sending,
} from "./outbox.ts";
export { createSendToHex, type SendToHex, type SendToHexOptions } from "./hexes/send-to-hex.ts";
export {
  type CommandOutcome,
  type DomainCommand,
  type DomainMessage,
  type HandleCommand,
  type HandleCommands,
  type HandleEvents,
  type MessageHandler,
  onAsked,
  onCommand,
  onCommands,
  onEvents,
  type RefuseStep,
} from "./service-definition.ts";
export {
  type RequestOptions,
  type RequestServer,
  serveRequests,
} from "./requests/serve-requests.ts";
export { type DomainOptions, type RunningDomain, startDomain } from "./start-domain.ts";
export {
  createTopicPublisher,
  type PlayerEvent,
  type TopicEvent,
  type TopicPublisher,
} from "./topics/topic-publisher.ts";
export {
  inTransaction,
  StoreOutageError,
  type Statement,
  type Transaction,
} from "./transaction.ts";
export { inTransactionWithWork, noWork, type Work } from "./work.ts";
