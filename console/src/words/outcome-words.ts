/** A refusal, an error or the end of a walk as a sentence for players. */
import type { AnyOutcome, ErrorCodeName, Failed, TransferOutcome } from "@hexhold/client";

/** What a player wanted, as it stands in a sentence. */
export interface Wish {
  /** Type of the command, as `cmd.hex.gather`. */
  readonly type: string;
  /** "Gathering wood" */
  readonly doing: string;
  /** What it was about, where a sentence names it: "wood". */
  readonly thing?: string;
}

/** Undefined when there is nothing to say. */
export function outcomeWords(wish: Wish, outcome: AnyOutcome): string | undefined {
  switch (outcome.outcome) {
    case "applied":
      return undefined;
    case "refused":
      return refusalWords(wish, outcome.reason, outcome.retryAfterMs);
    case "error":
      return errorWords(wish.doing, outcome);
    default:
      return outcome satisfies never;
  }
}

/** Reasons that mean the same with every command. */
const refusals: Readonly<Record<string, string>> = {
  "not-resident": "You do not live in this hex any more.",
  "in-transit": "You are still on your way to the next hex.",
  "not-yet": "This world does not know that yet.",
  offline: "You have to come into the world first. Reload the page if this stays so.",
};

/** Reasons of one command. */
const refusalsOf: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "cmd.hex.enter": { "already-online": "You are here already." },
  "cmd.hex.leave": { "already-offline": "You have left already." },
  "cmd.hex.move": {
    "out-of-order": "You have taken a newer step already.",
    "outside-hex": "That place is outside your hex.",
  },
  "cmd.hex.gather": { depleted: "There is not enough {thing} left here." },
  "cmd.hex.contribute": {
    "unknown-site": "That building site is gone.",
    "not-needed": "The building site needs nothing of this.",
    "site-full": "The building site has no room for as much: others are bringing some already.",
    "too-many-contributors": "So many players help with this building that nobody else can.",
    "too-many-pending": "What was given before has not arrived yet.",
  },
  "cmd.hex.plan-site": {
    "not-owner": "Only the owner of this hex can plan a building here.",
    "site-open": "Something is being built here already.",
    "level-too-low": "This hex has to rise before that can be built here.",
    "no-room": "There is no room for another building: the hex has to rise first.",
  },
  "cmd.hex.give-up-site": {
    "unknown-site": "That building site is gone.",
    "not-owner": "Only the owner of this hex, or who planned the building, can give it up.",
    building: "It is being built already: nothing comes back any more.",
  },
  "cmd.hex.set-tax": {
    "not-owner": "Only the owner of this hex can set its tax.",
    "tax-pending": "The last tax that was set is not in force yet.",
    "tax-too-high": "No tax may be as high as that.",
  },
  "cmd.hex.transfer": {
    "not-adjacent": "You can only walk to a hex next to yours.",
    "outside-world": "The world ends there: you cannot walk further that way.",
  },
};

/** The sentence of a refusal; undefined: there is none. */
export function refusalSentence(type: string, reason: string): string | undefined {
  return refusalsOf[type]?.[reason] ?? refusals[reason];
}

function refusalWords({ type, doing, thing = "" }: Wish, reason: string, waitMs: number): string {
  const known = refusalSentence(type, reason) ?? `${doing} is not possible now.`;
  const sentence = known.replace("{thing}", thing);
  if (waitMs <= 0) return sentence;
  const when = `in ${secondsOf(waitMs)} s`;
  return reason === "depleted"
    ? `${sentence} There will be ${when}.`
    : `${sentence} Try again ${when}.`;
}

/** By the code of an error; `{doing}` stands for what was wanted. */
const errorsByCode: Readonly<Record<ErrorCodeName, string>> = {
  UNSPECIFIED: "{doing} did not work. Please try again.",
  INVALID_ARGUMENT: "{doing} did not work: this page is out of step with the world. Reload it.",
  UNAUTHENTICATED: "{doing} did not work: please log in again.",
  PERMISSION_DENIED: "{doing} is not allowed here.",
  NOT_FOUND: "{doing} did not work: that place is not part of this world.",
  IDEMPOTENCY_MISMATCH: "{doing} did not work. Please try again.",
  STALE_COMMAND: "{doing} came too late. Please try again.",
  RESOURCE_EXHAUSTED: "Too much is going on here just now: {doing} has to wait.",
  UNAVAILABLE: "This part of the world does not answer just now. {doing} was not done.",
  UNKNOWN_OUTCOME: "{doing}: no answer came, so it may or may not have happened.",
  DEAD_LETTERED: "{doing} failed because of a fault in the game. It was reported.",
  INTERNAL: "{doing} failed because of a fault in the game. Please try again later.",
};

/** Where a reason says more than its code. */
const errorsByReason: Readonly<Record<string, string>> = {
  "unknown-version": "This page and the world are of different versions: reload the page.",
  "rate-limited": "That was too much at once: {doing} has to wait a moment.",
  "too-many-in-flight": "That was too much at once: {doing} has to wait a moment.",
  "too-many-dead-letters": "{doing} failed several times because of a fault in the game.",
  "hex-quarantined":
    "This hex is closed because of a fault. The people who run the world know of it.",
  "too-far": "That hex is too far away to be seen from here.",
  banned: "This account is banned from this world.",
};

function errorWords(doing: string, { errorCode, reason, retryAfterMs }: Failed): string {
  return errorSentence(doing, errorCode, reason, retryAfterMs);
}

/** @param errorCode one that this page does not know is told as a fault in general. */
export function errorSentence(
  doing: string,
  errorCode: ErrorCodeName,
  reason: string,
  retryAfterMs = 0,
): string {
  const pattern = errorsByReason[reason] ?? errorsByCode[errorCode] ?? errorsByCode.UNSPECIFIED;
  const sentence = pattern.startsWith("{doing}")
    ? pattern.replace("{doing}", doing)
    : pattern.replace("{doing}", doing.charAt(0).toLowerCase() + doing.slice(1));
  const waitMs = errorCode === "RESOURCE_EXHAUSTED" ? retryAfterMs : 0;
  return waitMs > 0 ? `${sentence} Try again in ${secondsOf(waitMs)} s.` : sentence;
}

/** Why a player came back from the way to another hex. */
const returns: Readonly<Record<string, string>> = {
  "hex-full": "That hex is full: nobody else can live there now. You are back where you were.",
  cancelled: "That hex did not answer in time. You are back where you were.",
};

/** What became of a walk to another hex; undefined when the player has arrived. */
export function walkWords(outcome: TransferOutcome): string | undefined {
  if (outcome.outcome !== "applied") {
    return outcomeWords({ type: "cmd.hex.transfer", doing: "Walking there" }, outcome);
  }
  switch (outcome.end) {
    case "arrived":
      return undefined;
    case "returned":
      return returns[outcome.reason] ?? "You could not get in there. You are back where you were.";
    case "unknown":
      return "It is not clear yet whether you have arrived. The page is looking for you.";
    default:
      return outcome satisfies never;
  }
}

function secondsOf(ms: number): number {
  return Math.ceil(ms / 1000);
}
