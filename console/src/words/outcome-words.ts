/** A refusal, an error or the end of a walk as a sentence for players. */
import type { AnyOutcome, ErrorCodeName, Failed, TransferOutcome } from "@hexhold/client";
import { refusalSentence } from "./refusal-words.ts";
import { spanWords } from "./time-words.ts";

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

function refusalWords({ type, doing, thing = "" }: Wish, reason: string, waitMs: number): string {
  const known = refusalSentence(type, reason) ?? `${doing} is not possible now.`;
  const sentence = known.replace("{thing}", thing);
  if (waitMs <= 0) return sentence;
  const when = `in ${spanWords(waitMs)}`;
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
  return waitMs > 0 ? `${sentence} Try again in ${spanWords(waitMs)}.` : sentence;
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

/** It did not even come to an answer. */
export function faultOfPage({ doing }: Wish): string {
  return `${doing} did not work because of a fault in this page. Reload it and try again.`;
}
