export {
  type Bus,
  BusError,
  type BusMessage,
  type BusState,
  type ConsumeOptions,
  type Delivery,
  type Inbox,
  type LooseKind,
  type PublishOutcome,
  type Subscription,
} from "./bus.ts";
export { type AmqpBusOptions, createAmqpBus } from "./buses/amqp.ts";
export {
  createManagementApi,
  type ManagementApi,
  type ManagementRequest,
  vhostOf,
} from "./buses/management-api.ts";
export { declareTopology } from "./buses/amqp-topology.ts";
export { gatherWrites } from "./buses/gather-writes.ts";
export { createMemoryBus, MemoryBroker } from "./buses/memory.ts";
export { bytesText } from "./bytes-text.ts";
export {
  type AnswerHead,
  type AnswerOutcome,
  type AnswerTo,
  answerBytes,
  decodeAnswer,
  decodeAnswerHead,
  type BatchOrigin,
  decodeBatch,
  decodeViews,
  encodeAnswers,
  encodeBatch,
  encodeStoredAnswer,
  encodeViews,
  keyOfWire,
  splitAnswers,
  type ViewEventFields,
  type ViewPlace,
} from "./codec.ts";
export {
  decodeEnvelope,
  encodeEnvelope,
  type EnvelopeFields,
  withSubject,
} from "./envelope-codec.ts";
export { type DeadLetterFields, encodeDeadLetter, letterType } from "./dead-letter.ts";
export {
  type GatheredCommand,
  GatheringLane,
  type GatheringLimits,
  gatheringLimits,
} from "./gathering.ts";
export { missingOfBus } from "./missing-of-bus.ts";
export { type CommandIdentity, idempotencyKeyOf, sha256, sha256Length } from "./idempotency-key.ts";
export {
  createMessageRegistry,
  type MessageEntry,
  type MessageRegistry,
  RegistryError,
} from "./registry.ts";
export { createProducerRoutes, type Place, type ProducerRoutes } from "./producer-routes.ts";
export { isMoving, type PinRoute, type RouteTable, routeOf } from "./route.ts";
export {
  anyone,
  claimOf,
  forgeryText,
  type ProducerClaim,
  type Publisher,
  publisherText,
  serviceOfUser,
  userOfService,
} from "./publisher.ts";
export {
  createRequester,
  type Requester,
  type RequesterOptions,
  type RequestOutcome,
  type ServiceRequest,
} from "./requester.ts";
export {
  decodeTopics,
  encodeTopics,
  type TopicEventFields,
  type TopicPlace,
} from "./topic-codec.ts";
export {
  accountOfTopic,
  bookTopic,
  parseTopic,
  playerBucketCount,
  playerRoutingKey,
  playerTopic,
  type PublicTopic,
  topicRoutingKey,
} from "./topics.ts";
export {
  accountsAuthQueue,
  accountsQueue,
  accountsTopic,
  brokerMarkQueue,
  commandExchange,
  commandQueueLengthMax,
  queuesOf,
  type QueueSpec,
  slotQueue,
  viewExchange,
  viewsLostTopic,
} from "./topology.ts";
export { makeBrokerUsers, type MakeUsersOptions } from "./rights/make-users.ts";
export {
  type BrokerPermissions,
  type BrokerRights,
  permissionsOf,
  readBrokerRights,
} from "./rights/rights-table.ts";
export { senderOf } from "./sender.ts";
export {
  domainQueueCount,
  domainQueueOf,
  queuesOfService,
  type ServiceEntry,
  services,
} from "./services.ts";
export { isUuidv7, uuidBytes, uuidText, uuidv7Bytes, uuidv7Ms } from "./uuid.ts";
export { compiledValidator, ruleFault } from "./validator.ts";
export {
  bytesField,
  DecodeError,
  fieldOf,
  keyField,
  noBytes,
  readKey,
  readUint32,
  textField,
  uintField,
  type WireTypes,
} from "./wire-fields.ts";
export { WireReader } from "./wire-reader.ts";
export { encoded, WireWriter } from "./wire-writer.ts";
