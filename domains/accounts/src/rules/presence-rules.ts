/** Rules on sessions and on presences that have ended; pure. */
import type { Key } from "@hexhold/hex";

/** Where a gateway stands: number of the last report that was taken, 0 = none. */
export interface KnownGateway {
  readonly number: number;
}

/**
 * - `take`: it follows on the last one, or begins a list, which needs nothing before it.
 * - `repeated`: it was taken already.
 * - `list-wanted`: the gateway is not known, or a report before this one was lost.
 */
export type ReportVerdict = "take" | "repeated" | "list-wanted";

export function judgeReport(
  known: KnownGateway,
  report: { readonly number: number; readonly listBegins: boolean },
): ReportVerdict {
  if (report.number <= known.number) return "repeated";
  if (report.listBegins) return "take";
  return known.number > 0 && report.number === known.number + 1 ? "take" : "list-wanted";
}

/** Places where a player may be: of each the newest that is known. */
export interface KnownPlaces {
  /** As a gateway had heard, or a hex has said since. */
  readonly heard: Key | undefined;
  /** As arrivals have told. */
  readonly residence: Key | undefined;
  /** Times that the player was not found. */
  readonly tries: number;
}

/** Where to look for a player now: at both places in turn. Undefined: it lives nowhere, so it is not online. */
export function placeToLook({ heard, residence, tries }: KnownPlaces): Key | undefined {
  return tries % 2 === 0 ? (heard ?? residence) : (residence ?? heard);
}

/** What a hex said to `cmd.hex.end-presence`. */
export type PresenceAnswer =
  | { readonly case: "applied" }
  | {
      readonly case: "refused";
      readonly reason: string;
      /** Where the player went from there, as far as the hex knows. */
      readonly wentTo: Key | undefined;
    }
  /** Not executed and final: the hex cannot do it under this request id. */
  | { readonly case: "failed"; readonly reason: string }
  /** No answer, or none that says what became of it. */
  | { readonly case: "unsure" };

/**
 * - `settled`: there is nothing more to do.
 * - `again`: the same request, as its outcome is not certain.
 * - `anew`: another request, to `heard` if that is given; `tries` counts from there.
 */
export type PresenceStep =
  | { readonly case: "settled"; readonly outcome: "ended" | "already-offline" | "replaced" }
  | { readonly case: "again"; readonly delayMs: number }
  | {
      readonly case: "anew";
      readonly delayMs: number;
      readonly tries: number;
      /** What the hex said. */
      readonly reason: string;
      readonly heard?: Key;
    };

const unsureDelayMs = 1000;
/** A transfer takes a moment; its end is known here or there then. */
const transitDelayMs = 1000;
const delayMsMax = 60_000;

export function nextStep(answer: PresenceAnswer, tries: number): PresenceStep {
  switch (answer.case) {
    case "applied":
      return { case: "settled", outcome: "ended" };
    case "unsure":
      return { case: "again", delayMs: unsureDelayMs };
    case "refused": {
      const { reason, wentTo } = answer;
      if (reason === "already-offline" || reason === "replaced") {
        return { case: "settled", outcome: reason };
      }
      if (reason === "in-transit") return { case: "anew", delayMs: transitDelayMs, tries, reason };
      if (wentTo !== undefined) {
        return { case: "anew", delayMs: 0, tries: 0, reason, heard: wentTo };
      }
      return later(reason, tries);
    }
    case "failed":
      return later(answer.reason, tries);
    default:
      return answer satisfies never;
  }
}

/** Ever more rarely: an arrival is told late, a hex is looked at by somebody. */
function later(reason: string, tries: number): PresenceStep {
  const delayMs = Math.min(unsureDelayMs * 2 ** Math.min(tries, 10), delayMsMax);
  return { case: "anew", delayMs, tries: tries + 1, reason };
}
