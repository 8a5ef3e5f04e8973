export { type Account, type AccountOptions, login, register, resumeLogin } from "./account.ts";
export type { BookLevel, BookState } from "./book-state.ts";
export { AccountError } from "./auth-call.ts";
export { compareBytes, hexDigits, uuidBytes, uuidText } from "./bytes.ts";
export { type BlockList, type Chat, type ChatStreamOptions, createChat } from "./chat.ts";
export type { OwnChatUpdate } from "./chat-own.ts";
export type { ChatLine, ChatUpdate } from "./chat-outlet.ts";
export {
  type Client,
  ClientClosedError,
  type ClientOptions,
  connect,
  type ConnectOptions,
  createClient,
  type ObserveOutcome,
  type SeenFrame,
  type SendOptions,
  type ViewingOptions,
} from "./client.ts";
export type { CloseReason } from "./close-reason.ts";
export type { CommandContracts, CommandTypes, TypesOf } from "./command-types.ts";
export type { GapCause, Seen } from "./hex-track.ts";
export { WatchError, type WatchOptions } from "./healing.ts";
export { type Balances, createInventory, type Inventory } from "./inventory.ts";
export type { ClientTiming } from "./limits.ts";
export { type Council, type CouncilState, createCouncil } from "./council.ts";
export { createMarket, type Market, type OrdersWatchOptions } from "./market.ts";
export { createNames, type Names, type NamesOptions } from "./names.ts";
export type {
  AnyOutcome,
  Applied,
  DurabilityName,
  ErrorCodeName,
  Failed,
  Outcome,
  OutcomeOf,
  Refused,
} from "./outcome.ts";
export { createPlayer, type Player, type TransferOutcome } from "./player.ts";
export { readableView } from "./readable-view.ts";
export type { EndReason, SessionState } from "./session.ts";
export type { Traffic } from "./socket.ts";
export type { ClientStats } from "./stats.ts";
export type { HexListener, HexUpdate, StaleCause, Subscription } from "./subscriptions.ts";
export { type Listening, ownTopic, type TopicListener, type TopicUpdate } from "./topics.ts";
export {
  oneOf,
  type SeenEvent,
  type ViewContract,
  viewContractOf,
  ViewError,
  type ViewFold,
} from "./view-fold.ts";
export type { ClientWelcome } from "./welcome.ts";
