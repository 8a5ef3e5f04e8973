/**
 * Where the rules run. The host owns actor memory, `decide` and `evolve`; the driver owns sockets, leases,
 * channels and commits. Adapters: `rules-hosts/thread.ts` (a worker thread that may be ended) and
 * `rules-hosts/inline.ts` (simulation and tests).
 *
 * Per slot the host keeps committed actors and, after `decide`, tentative ones: `settle` makes the
 * tentative ones the committed ones, `rollback` forgets them. One `decide` at a time per slot.
 */
import type { TimerChange } from "@hexhold/actor";
import type { Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";

/** An event of the journal. */
export interface TailEvent {
  readonly type: string;
  readonly payload: Uint8Array;
  readonly hexVersion: number;
  readonly decidedMs: number;
}

/** State to start from: a snapshot or the compacted base. */
export interface StartState {
  readonly durable: Uint8Array;
  /** Empty = as at birth. */
  readonly volatile: Uint8Array;
  readonly hexVersion: number;
  readonly volatileCount: number;
  readonly decidedMs: number;
}

/** What a hex is rebuilt from. */
export interface HexRecovery {
  readonly keyText: string;
  /** Undefined = nothing has happened before `tail`. */
  readonly start: StartState | undefined;
  readonly tail: readonly TailEvent[];
}

/** A hex could not be rebuilt. */
export interface RecoveryFault {
  readonly keyText: string;
  readonly reason: string;
}

/** A command to decide; ids and hashes stay with the driver. */
export interface HostCommand {
  readonly keyText: string;
  readonly type: string;
  readonly payload: Uint8Array;
  readonly sender: Sender;
  readonly accountId: Uint8Array | undefined;
  readonly sessionId: Uint8Array | undefined;
  readonly volatileSeq: bigint;
}

export interface HostEvent {
  readonly type: string;
  readonly messageVersion: number;
  readonly payload: Uint8Array;
  readonly consumers: readonly string[];
  readonly viewSeq: number;
  readonly hexVersion: number;
}

/** A command that the rules send. */
export interface HostMessage {
  readonly type: string;
  readonly messageVersion: number;
  readonly payload: Uint8Array;
  readonly to:
    | { readonly keyText: string }
    | { readonly service: string; readonly subject: string };
}

export type HostOutcome =
  | {
      readonly kind: "applied";
      readonly result: Uint8Array;
      readonly events: readonly HostEvent[];
      readonly messages: readonly HostMessage[];
      readonly timers: readonly TimerChange[];
      readonly hexVersion: number;
      readonly decidedMs: number;
    }
  | {
      readonly kind: "refused";
      readonly reason: string;
      readonly retryAfterMs: number;
      readonly detail: Uint8Array;
      readonly hexVersion: number;
      readonly decidedMs: number;
    }
  /** The payload breaks its own rules: answered, never decided, not stored. */
  | { readonly kind: "invalid"; readonly message: string; readonly hexVersion: number };

/** When a batch is decided. */
export interface DecideMoment {
  /** World time, Unix milliseconds. */
  readonly nowMs: number;
  /** The format that the world is in: its rules emit no events of a higher one. */
  readonly worldFormat: number;
}

/** What a batch came to: outcomes of the first commands, and the fault that stopped it, if one did. */
export interface HostDecision {
  readonly outcomes: readonly HostOutcome[];
  readonly fault: HostFault | undefined;
}

/**
 * Why a batch stopped at `outcomes.length`:
 * - `threw`: that command's rules threw; the host lives on, what was decided before it stands.
 * - `died`, `stalled`: the host ended at that command; all actor memory is gone.
 * - `overran`: that command was ended after the limit that it was given; the host lives on.
 * - `starved`: as `overran`, but the host had no processor for most of that time; nobody is charged.
 * - `restarted`: the host ended at somebody else's command; all actor memory is gone, nobody is charged.
 */
export interface HostFault {
  readonly kind: "threw" | "died" | "stalled" | "overran" | "starved" | "restarted";
  /** Index of the command that is charged; of no meaning for `restarted` and `starved`. */
  readonly index: number;
  readonly error: string;
}

/** A committed actor as a snapshot is made of it. */
export interface CapturedHex {
  readonly keyText: string;
  readonly hexVersion: number;
  readonly volatileCount: number;
  readonly decidedMs: number;
  readonly viewSeq: number;
  readonly durable: Uint8Array;
  readonly volatile: Uint8Array;
  /** JSON text. */
  readonly readable: string;
}

export interface RulesHost {
  /** Resolves when the rules have been loaded for the first time; rejects when they cannot be. */
  readonly loaded: Promise<void>;
  /** Counts restarts: actors that were loaded under another generation are gone. */
  readonly generation: number;
  /**
   * Rebuilds hexes of a slot; resolves with those that could not be. Keeps the volatile part that it had. Rejects with
   * a {@link RulesHostGoneError} when the host ended meanwhile.
   */
  load(slot: string, hexes: readonly HexRecovery[]): Promise<readonly RecoveryFault[]>;
  /**
   * Decides a batch. With `limitMs` the engine's watchdog ends it after so long (`overran`) without ending the
   * host; it costs about 0.1 ms, so batches of good repute go without.
   */
  decide(
    slot: string,
    moment: DecideMoment,
    commands: readonly HostCommand[],
    limitMs?: number,
  ): Promise<HostDecision>;
  settle(slot: string): void;
  rollback(slot: string): void;
  /** Drops actors of a slot, all of them without `keyTexts`; `keepVolatile` for a reload. */
  forget(slot: string, keyTexts: readonly string[] | undefined, keepVolatile: boolean): void;
  /** Committed state of those hexes that are in memory. */
  capture(slot: string, keyTexts: readonly string[]): Promise<readonly CapturedHex[]>;
  stop(): Promise<void>;
}

/** The host ended while it was loading or capturing; what it had in memory is gone. */
export class RulesHostGoneError extends Error {
  readonly code = "RULES_HOST_GONE";
  /** Index of the hex of the request at which it ended; undefined: it ended at another request. */
  readonly hexIndex: number | undefined;
  constructor(what: string, hexIndex?: number) {
    super(`the rules host ended ${what}`);
    this.name = "RulesHostGoneError";
    this.hexIndex = hexIndex;
  }
}
