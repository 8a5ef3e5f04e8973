export type {
  Aggregate,
  ArmedTimer,
  CreateGame,
  DecideContext,
  DecidedEvent,
  Decision,
  Game,
  HexParts,
  OutgoingCommand,
  Sample,
  TimerRules,
} from "./game.ts";
export type {
  AnyEventOf,
  Applied,
  CommandContract,
  ContractSet,
  DecisionOn,
  EventContract,
  Refused,
  Rule,
  ShapeOf,
} from "./contracts.ts";
export { applied, commandTo, event, refused, sample } from "./decision.ts";
export { defineGame, type GameDefinition } from "./define-game.ts";
export {
  amountMax,
  type Holder,
  type LedgerEntry,
  mint,
  mintFor,
  type MintedItem,
  type Posting,
} from "./ledger.ts";
export { mintId, uuidText } from "./minted-ids.ts";
export type { Contribution } from "./standing.ts";
export { residenceKit, type ResidenceOptions } from "./residence/residence-kit.ts";
export {
  isRefused,
  type NotHere,
  playerIn,
  playerOf,
  residentOf,
  type ResidenceState,
} from "./residence/residence-state.ts";
export { compareIds, findById, idText, withItem, withoutId } from "./sorted-ids.ts";
export { takesKit, type TakesOptions, type TakesState, type Wanted } from "./takes/takes-kit.ts";
export {
  type ActorState,
  type EncodedEvent,
  type EventTypeOf,
  initialActor,
  type MessageContractView,
  replay,
  RulesContractError,
  type Step,
  step,
  type StepCommand,
  type StepOutcome,
  type TimerChange,
} from "./step.ts";
