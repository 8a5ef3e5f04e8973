/** How one command of a bot ended. */
import type { AnyOutcome } from "@hexhold/client";

/** What a bot sent: a step, how a stay begins and ends, or something at the market, the council or in the chat; `look` reads. */
export type CommandKind =
  | "enter"
  | "walk"
  | "gather"
  | "contribute"
  | "plan"
  | "cross"
  | "leave"
  | "look"
  | "order"
  | "cancel"
  | "call"
  | "stand"
  | "vote"
  | "say";

/** Why a player is back is empty where it was not seen. */
export type TransferEnd =
  | { readonly end: "arrived" | "unknown" }
  | { readonly end: "returned"; readonly reason: string };

export interface CommandEnd {
  readonly kind: CommandKind;
  /** By the clock of `performance.now()`. */
  readonly sentMs: number;
  /** From `sentMs` to the final outcome, repetitions included; of a transfer to its end. */
  readonly tookMs: number;
  readonly outcome: "applied" | "refused" | "error";
  /** Of a refusal the reason, of an error `CODE reason`, else empty. */
  readonly reason: string;
  /** Of a transfer that was applied. */
  readonly transfer?: TransferEnd;
  /** The final word is that nobody knows: only an error of code UNKNOWN_OUTCOME. */
  readonly unknown: boolean;
}

/** How a transfer ended, of an outcome that says more. */
export function transferOf(ended: TransferEnd): TransferEnd {
  return ended.end === "returned" ? { end: "returned", reason: ended.reason } : { end: ended.end };
}

/** What there is to tell of an outcome, whatever the command was. */
export type Ended = Pick<AnyOutcome, "outcome"> & {
  readonly reason?: string;
  readonly errorCode?: string;
};

/** Describes a command that was sent at `sentMs` and has just ended. */
export function endOf(
  kind: CommandKind,
  sentMs: number,
  endedMs: number,
  result: Ended,
): CommandEnd {
  const { outcome, reason = "", errorCode = "" } = result;
  return {
    kind,
    sentMs,
    tookMs: endedMs - sentMs,
    outcome,
    reason: errorCode === "" ? reason : `${errorCode} ${reason}`,
    unknown: errorCode === "UNKNOWN_OUTCOME",
  };
}
