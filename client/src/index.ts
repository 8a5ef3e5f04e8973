export { type Account, type AccountOptions, login, register, resumeLogin } from "./account.ts";
export { AccountError } from "./auth-call.ts";
export { hexDigits, uuidBytes, uuidText } from "./bytes.ts";
export {
  type Client,
  ClientClosedError,
  type ClientOptions,
  connect,
  createClient,
  type SeenFrame,
  type SendOptions,
} from "./client.ts";
export type { CloseReason } from "./close-reason.ts";
export type { GapCause, Seen } from "./hex-track.ts";
export { createInventory, type Inventory } from "./inventory.ts";
export type { ClientTiming } from "./limits.ts";
export { createNames, type Names, type NamesOptions } from "./names.ts";
export type {
  AnyOutcome,
  Applied,
  CommandTypes,
  DurabilityName,
  ErrorCodeName,
  Failed,
  Outcome,
  OutcomeOf,
  Refused,
} from "./outcome.ts";
export {
  createReferencePlayer,
  type ReferencePlayer,
  type TransferOutcome,
} from "./reference-player.ts";
export { referenceView, stockAt } from "./reference-view.ts";
export type { EndReason, SessionState } from "./session.ts";
export type { Traffic } from "./socket.ts";
export type { ClientStats } from "./stats.ts";
export type { HexListener, HexUpdate, StaleCause, Subscription } from "./subscriptions.ts";
export { type SeenEvent, type ViewContract, ViewError, type ViewFold } from "./view-fold.ts";
export type { ClientWelcome } from "./welcome.ts";
