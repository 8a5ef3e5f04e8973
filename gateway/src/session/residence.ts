/**
 * Where a player lives, as far as the gateway has heard: in its tokens, in the answers and events that it passes on.
 *
 * A player is *at* a hex; after it has left for another one, it is *between* the two until it is heard of in either.
 * What is heard counts by its time: a later word is not undone by an earlier one that comes late. The gateway knows
 * no rules. It knows which commands may be refused `not-resident`, from their contracts, and the messages by which
 * hexes pass a player on.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { NotResidentDetailSchema, TransferSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { diskOf, type Key, sameKey } from "@hexhold/hex";

/** How far from its own hex a player sees. */
export const viewRadius = 2;

/** A token may name a hex that is older than itself by so much: accounts hear of an arrival by messages. */
const tokenLagMs = 10_000;

/** The answer to a command that only a resident may send. */
export interface ResidentAnswer {
  readonly key: Key;
  /** When the command was accepted: world time, Unix milliseconds. */
  readonly acceptedMs: number;
  readonly outcome:
    | { readonly case: "applied" }
    | { readonly case: "refused"; readonly reason: string; readonly detail: Uint8Array };
  /** Encoded `Transfer`, if it was one. */
  readonly transfer: Uint8Array | undefined;
}

export class Residence {
  #at: Key | undefined;
  #to: Key | undefined;
  /** World time of what was heard last, and whether a token said it. */
  #heardMs = -Infinity;
  #isByToken = true;
  /** Of the transfer that was heard of last. */
  #number = 0n;
  #near: ReadonlySet<bigint> = new Set();

  get key(): Key | undefined {
    return this.#at;
  }

  /** Whether the player may watch a hex. */
  sees({ hexId, layerId }: Key): boolean {
    return this.#at?.layerId === layerId && this.#near.has(hexId);
  }

  /** A token was taken. True: what the player sees has changed. */
  fromToken(key: Key | undefined, issuedMs: number): boolean {
    const newerMs = issuedMs - this.#heardMs;
    if (key === undefined || newerMs <= (this.#isByToken ? 0 : tokenLagMs)) return false;
    const changed = this.#heard(key, undefined, issuedMs);
    this.#isByToken = true;
    return changed;
  }

  /** A hex has decided, not repeated, a command of the player. */
  fromAnswer({ key, acceptedMs, outcome, transfer }: ResidentAnswer): boolean {
    if (acceptedMs < this.#heardMs) return false;
    if (outcome.case === "applied") {
      return this.#heard(key, transfer && destinationIn(transfer), acceptedMs);
    }
    const { reason, detail } = outcome;
    if (reason !== "not-resident" && reason !== "in-transit") {
      return this.#heard(key, undefined, acceptedMs);
    }
    const wentTo = wentToIn(detail);
    // Only the hex where the player is believed to live knows where it went from there.
    if (wentTo === undefined || this.#at === undefined || !sameKey(key, this.#at)) return false;
    return reason === "in-transit"
      ? this.#heard(key, wentTo, acceptedMs)
      : this.#heard(wentTo, undefined, acceptedMs);
  }

  /** The player has arrived in a hex, or is back in the one that it left. */
  fromEvent(key: Key, number: bigint, nowMs: number): boolean {
    if (number < this.#number) return false;
    this.#number = number;
    return this.#heard(key, undefined, Math.max(nowMs, this.#heardMs));
  }

  #heard(at: Key, to: Key | undefined, atMs: number): boolean {
    this.#heardMs = atMs;
    this.#isByToken = false;
    const isKnown = isSame(at, this.#at) && isSame(to, this.#to);
    if (isKnown) return false;
    this.#at = at;
    this.#to = to;
    const seen = diskOf(at.hexId, viewRadius);
    this.#near = new Set(
      to?.layerId === at.layerId ? [...seen, ...diskOf(to.hexId, viewRadius)] : seen,
    );
    return true;
  }
}

function isSame(a: Key | undefined, b: Key | undefined): boolean {
  return a === undefined || b === undefined ? a === b : sameKey(a, b);
}

/** Undefined where the payload names no hex; whoever decided it has read it. */
function destinationIn(payload: Uint8Array): Key | undefined {
  try {
    const { toHexId, toLayerId } = fromBinary(TransferSchema, payload);
    return hexOf(toHexId, toLayerId);
  } catch {
    return undefined;
  }
}

function wentToIn(detail: Uint8Array): Key | undefined {
  try {
    const { wentToHexId, wentToLayerId } = fromBinary(NotResidentDetailSchema, detail);
    return hexOf(wentToHexId, wentToLayerId);
  } catch {
    return undefined;
  }
}

function hexOf(hexId: bigint, layerId: number): Key | undefined {
  return hexId === 0n ? undefined : { hexId, layerId };
}
