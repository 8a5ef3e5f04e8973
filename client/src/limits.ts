/** Bounds and times of the SDK, each with its reason. All may be set, tests make them small. */
import type { BackoffOptions } from "./backoff.ts";

export interface ClientTiming {
  /** A socket that is not open, or a hello without welcome, after so long is given up. Gateways wait 5 s. */
  readonly welcomeMsMax: number;
  readonly pingEveryMs: number;
  /** Nothing from the server for so long after a ping: the connection is dead, whatever TCP thinks. */
  readonly silenceMsMax: number;
  readonly reconnect: BackoffOptions;
  /** A connection that lived so long was a good one: the next loss begins with the short pause again. */
  readonly stableMs: number;
  /** Without a welcome for so long the client closes for good, `unreachable`. */
  readonly giveUpMs: number;
  /** How long a client may go on after `go-elsewhere`; each leaves at a random moment, so that not all leave at once. */
  readonly leaveMsMax: number;
  /** Between repetitions of one command; the server's retry_after counts when it is longer. */
  readonly retry: BackoffOptions;
  /** A command in all, repetitions included, unless it says otherwise. */
  readonly commandMsMax: number;
  /** Sends of one command, the first included. */
  readonly attemptsMax: number;
  /** Between two VOLATILE commands of {@link Client.sendLatest} for one hex: 20 a second look smooth. */
  readonly latestEveryMs: number;
  /** A subscription without a state is asked for again after this, and then after pauses up to the maximum. */
  readonly resubscribe: BackoffOptions;
}

export const defaultTiming: ClientTiming = {
  welcomeMsMax: 8000,
  pingEveryMs: 5000,
  silenceMsMax: 5000,
  reconnect: { baseMs: 250, maxMs: 5000 },
  stableMs: 5000,
  giveUpMs: 600_000,
  leaveMsMax: 2000,
  retry: { baseMs: 200, maxMs: 4000 },
  commandMsMax: 30_000,
  attemptsMax: 12,
  latestEveryMs: 50,
  resubscribe: { baseMs: 3000, maxMs: 30_000 },
};

/** Commands that may wait in the client, sent or not. Beyond: answered RESOURCE_EXHAUSTED at once. */
export const pendingMax = 1024;
/** For the answer to a question for the server's time; then what is known has to do. */
export const askTimeMsMax = 2000;
/** Bytes that may wait in the socket; commands stay in the client beyond it. */
export const bufferedBytesMax = 1024 * 1024;
/** Limits before the first welcome, and where a welcome names none. */
export const assumedLimits = {
  frameBytesMax: 16 * 1024,
  commandsInFlightMax: 32,
  subscriptionsMax: 19,
};
/** Keys in one subscribe frame. */
export const keysPerFrameMax = 19;
