export type {
  Aggregate,
  CreateGame,
  DecideContext,
  DecidedEvent,
  Decision,
  Game,
  HexParts,
  OutgoingCommand,
} from "./game.ts";
export {
  type ActorState,
  type EncodedEvent,
  type EventContract,
  initialActor,
  type MessageContractView,
  replay,
  RulesContractError,
  type Step,
  step,
  type StepCommand,
  type StepOutcome,
} from "./step.ts";
