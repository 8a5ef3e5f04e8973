/** Which hexes are watched, by whom, and what is known of each; the driver of {@link HexTrack}. */
import type { Error as ErrorFrame, Event, State } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import type { Key as WireKey } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { type Key, keyText } from "@hexhold/hex";
import { backoffMs } from "./backoff.ts";
import {
  type GapCause,
  type HexTrack,
  lastSeen,
  type Seen,
  type Step,
  suspended,
  type TrackedEvent,
  unseen,
  withEvent,
  withState,
} from "./hex-track.ts";
import { type ClientTiming, keysPerFrameMax } from "./limits.ts";
import type { ClientFrameInit } from "./socket.ts";
import type { ClientStats } from "./stats.ts";
import type { SeenEvent, ViewError } from "./view-fold.ts";
import type { ViewReader } from "./view-reader.ts";

/**
 * What a listener is told. `state` comes first, then events; after `stale` a `state` again. `denied`: the server does
 * not show the hex. `unreadable`: it does, and the fold does not read what it shows.
 *
 * `stale` of cause `event` is an event as well, and so are those after it that come before the state. What the state
 * knows already may be in it alone; what it does not know yet is told behind it, be it once more.
 */
export type HexUpdate<V> =
  | { readonly kind: "state"; readonly key: Key; readonly seen: Seen<V> }
  | { readonly kind: "event"; readonly key: Key; readonly seen: Seen<V>; readonly event: SeenEvent }
  | { readonly kind: "stale"; readonly key: Key; readonly cause: Exclude<StaleCause, "event"> }
  | {
      readonly kind: "stale";
      readonly key: Key;
      readonly cause: "event";
      readonly event: SeenEvent;
    }
  | {
      readonly kind: "denied";
      readonly key: Key;
      readonly reason: string;
      readonly message: string;
    }
  | { readonly kind: "unreadable"; readonly key: Key; readonly error: ViewError };

/** `connection`: it was lost. `resync`: the server dropped events. `event`: its effect cannot be told here. */
export type StaleCause = GapCause | "connection" | "resync" | "event" | "unreadable";

export type HexListener<V> = (update: HexUpdate<V>) => void;

export interface Subscription {
  readonly keys: readonly Key[];
  /** Idempotent. */
  close(): void;
}

export interface SubscriptionsOptions<V> {
  readonly reader: ViewReader<V, unknown>;
  readonly send: (content: ClientFrameInit) => boolean;
  readonly timing: ClientTiming;
  readonly stats: ClientStats;
  /** A listener threw, or the first view came that the fold does not read. */
  readonly onFault: (error: unknown) => void;
}

interface WatchedHex<V> {
  readonly key: Key;
  readonly listeners: Set<HexListener<V>>;
  track: HexTrack<V>;
  /** Asked for a state again without hearing of it. */
  attempts: number;
  timer: ReturnType<typeof setTimeout> | undefined;
  askedMs: number;
  /** Why the server does not show it; empty while it does. */
  denied: string;
}

/** Denied hexes are asked for again no more often than this, when the player may live nearer. */
const retryDeniedEveryMs = 1000;
/** A hex whose events cannot be followed is not asked for more often than this. */
const askEveryMs = 200;
/**
 * Nor are all of them together: a frame costs a unit, and one for each hex, of the 50 a second that a gateway lets an
 * account have by default. Half of them are left for all else.
 */
const askUnitMs = 1000 / 25;

export class Subscriptions<V> {
  readonly #options: SubscriptionsOptions<V>;
  readonly #hexes = new Map<string, WatchedHex<V>>();
  /** To be asked for, and let go, at the end of this turn, in few frames. */
  readonly #asking = new Map<string, Key>();
  readonly #leaving = new Map<string, Key>();
  /** To be asked for when it is their time: their events could not be followed. */
  readonly #behind = new Set<WatchedHex<V>>();
  #behindTimer: ReturnType<typeof setTimeout> | undefined;
  /** Until then what was asked for last has used up the units. */
  #behindFreeMs = Number.NEGATIVE_INFINITY;
  #isOnline = false;
  /** The application has been told once: all hexes have views of one game. */
  #hasMismatch = false;
  #deniedRetriedMs = Number.NEGATIVE_INFINITY;

  constructor(options: SubscriptionsOptions<V>) {
    this.#options = options;
  }

  subscribe(keys: readonly Key[], listener: HexListener<V>): Subscription {
    // One listener may be given twice: each subscription ends by itself.
    const own: HexListener<V> = (update) => listener(update);
    for (const key of keys) {
      const text = keyText(key);
      const hex = this.#hexes.get(text) ?? this.#watch(key, text);
      hex.listeners.add(own);
      if (hex.denied !== "") this.#askAgain(hex);
      const { track } = hex;
      if (track.mode === "live") {
        const update: HexUpdate<V> = { kind: "state", key, seen: track.seen };
        queueMicrotask(() => this.#tell(own, update));
      }
    }
    return { keys: [...keys], close: () => this.#unsubscribe(keys, own) };
  }

  /** The last view of a hex that is subscribed, current or not. */
  view(key: Key): Seen<V> | undefined {
    const track = this.#hexes.get(keyText(key))?.track;
    return track === undefined ? undefined : lastSeen(track);
  }

  /** Asks for full states of subscribed hexes, to be held against what was folded. */
  resync(keys: readonly Key[]): void {
    for (const key of keys) {
      const hex = this.#hexes.get(keyText(key));
      if (hex !== undefined) this.#ask(hex);
    }
  }

  online(): void {
    this.#isOnline = true;
    for (const hex of this.#hexes.values()) {
      this.#askAgain(hex);
    }
  }

  /** The player has done something in its hex: the server knows now where it lives, if it did not before. */
  residenceKnown(): void {
    const nowMs = performance.now();
    if (nowMs - this.#deniedRetriedMs < retryDeniedEveryMs) return;
    for (const hex of this.#hexes.values()) {
      if (hex.denied !== "too-far") continue;
      this.#deniedRetriedMs = nowMs;
      this.#askAgain(hex);
    }
  }

  offline(): void {
    this.#isOnline = false;
    this.#forgetBehind();
    for (const hex of this.#hexes.values()) {
      clearTimeout(hex.timer);
      this.#suspend(hex, "connection");
    }
  }

  onState(state: State): void {
    const hex = this.#hexOf(state.key);
    if (hex === undefined) return;
    const { activationId, view } = state;
    const { reader } = this.#options;
    const came = { type: state.viewType, version: state.viewVersion };
    const mismatch = reader.mismatch(came);
    if (mismatch !== undefined) {
      this.#mismatched(hex, mismatch);
      return;
    }
    const step = this.#step(
      hex,
      () =>
        withState(
          hex.track,
          {
            activationId,
            view,
            viewType: came.type,
            viewSeq: Number(state.viewSeq),
            hexVersion: Number(state.hexVersion),
          },
          reader,
        ),
      (cause) => {
        const error = reader.unreadable(came, cause);
        this.#tellAll(hex, { kind: "unreadable", key: hex.key, error });
      },
    );
    if (step?.finding.kind !== "state" || step.track.mode !== "live") return;
    clearTimeout(hex.timer);
    this.#behind.delete(hex);
    hex.attempts = 0;
    this.#options.stats.states++;
    if (step.finding.disagreed) this.#options.stats.gapsUnnoticed++;
    this.#tellAll(hex, { kind: "state", key: hex.key, seen: step.track.seen });
  }

  onEvent(frame: Event): void {
    const hex = this.#hexOf(frame.key);
    if (hex === undefined) return;
    const { stats, reader } = this.#options;
    const event: TrackedEvent = {
      activationId: frame.activationId,
      type: frame.type,
      messageVersion: frame.version,
      payload: frame.payload,
      tsMs: Number(frame.tsMs),
      hexVersion: Number(frame.hexVersion),
      viewSeq: Number(frame.viewSeq),
    };
    const { mode } = hex.track;
    const step = this.#step(hex, () => withEvent(hex.track, event, reader));
    if (step === undefined) return;
    const { finding, track } = step;
    switch (finding.kind) {
      case "event":
        stats.events++;
        if (track.mode !== "live") return;
        this.#tellAll(hex, { kind: "event", key: hex.key, seen: track.seen, event });
        return;
      case "repeated":
        stats.repeatedEvents++;
        return;
      case "gap":
        if (finding.cause === "version-back") stats.gapsUnnoticed++;
        else stats.gapsNoticed++;
        this.#tellAll(hex, { kind: "stale", key: hex.key, cause: finding.cause });
        this.#askInTime(hex);
        return;
      case "unfolded":
        stats.events++;
        this.#tellAll(hex, { kind: "stale", key: hex.key, cause: "event", event });
        // Once: whatever state comes, every event after it follows it.
        if (mode === "live") this.#askInTime(hex);
        return;
      case "skipped":
      case "state":
        return;
      default:
        finding satisfies never;
    }
  }

  /** The server dropped events of these hexes; states follow by themselves. */
  onResync(keys: readonly WireKey[]): void {
    for (const key of keys) {
      const hex = this.#hexOf(key);
      if (hex === undefined) continue;
      this.#options.stats.gapsNoticed++;
      this.#suspend(hex, "resync");
      this.#remind(hex);
    }
  }

  /** The server will not show a hex. */
  onError({ key, reason, message }: ErrorFrame): void {
    const hex = this.#hexOf(key);
    if (hex === undefined) return;
    this.#deny(hex, reason, message);
  }

  /** The player lives too far from these hexes now. */
  onLeftBehind(keys: readonly WireKey[]): void {
    for (const key of keys) {
      const hex = this.#hexOf(key);
      if (hex !== undefined) this.#deny(hex, "left-behind", "the player lives too far from it now");
    }
  }

  close(): void {
    for (const hex of this.#hexes.values()) clearTimeout(hex.timer);
    this.#hexes.clear();
    this.#forgetBehind();
    this.#asking.clear();
    this.#leaving.clear();
  }

  #watch(key: Key, text: string): WatchedHex<V> {
    const hex: WatchedHex<V> = {
      key,
      listeners: new Set(),
      track: unseen,
      attempts: 0,
      timer: undefined,
      askedMs: Number.NEGATIVE_INFINITY,
      denied: "",
    };
    this.#hexes.set(text, hex);
    this.#ask(hex);
    return hex;
  }

  #unsubscribe(keys: readonly Key[], listener: HexListener<V>): void {
    for (const key of keys) {
      const text = keyText(key);
      const hex = this.#hexes.get(text);
      if (hex?.listeners.delete(listener) !== true || hex.listeners.size > 0) continue;
      clearTimeout(hex.timer);
      this.#behind.delete(hex);
      this.#hexes.delete(text);
      if (this.#asking.delete(text)) continue;
      this.#flushSoon();
      this.#leaving.set(text, key);
    }
  }

  #hexOf(key: WireKey | undefined): WatchedHex<V> | undefined {
    return key === undefined ? undefined : this.#hexes.get(keyText(key));
  }

  /** Takes a step, or counts what could not be read and asks for the state. */
  #step(
    hex: WatchedHex<V>,
    take: () => Step<V>,
    onUnreadable?: (cause: unknown) => void,
  ): Step<V> | undefined {
    try {
      const step = take();
      hex.track = step.track;
      return step;
    } catch (error) {
      this.#options.stats.malformed++;
      // Not at once: a server that sends rubbish would be asked for more of it.
      this.#suspend(hex, "unreadable");
      this.#remind(hex);
      onUnreadable?.(error);
      return undefined;
    }
  }

  /** Asking again brings the same: the hex is left alone until the next connection. */
  #mismatched(hex: WatchedHex<V>, error: ViewError): void {
    clearTimeout(hex.timer);
    hex.denied = "view-mismatch";
    hex.track = unseen;
    this.#tellAll(hex, { kind: "unreadable", key: hex.key, error });
    if (this.#hasMismatch) return;
    this.#hasMismatch = true;
    // A listener that looks at states alone would show an empty world and say nothing.
    this.#options.onFault(error);
  }

  /** Asks for a hex whose events could not be followed, soon: in few frames, and within the units that there are. */
  #askInTime(hex: WatchedHex<V>): void {
    this.#behind.add(hex);
    this.#askBehind();
  }

  #askBehind(): void {
    const nowMs = performance.now();
    if (nowMs >= this.#behindFreeMs) {
      const due = [...this.#behind].filter(({ askedMs }) => askedMs + askEveryMs <= nowMs);
      for (const hex of due) this.#ask(hex);
      if (due.length > 0) this.#behindFreeMs = nowMs + (1 + due.length) * askUnitMs;
    }
    clearTimeout(this.#behindTimer);
    if (this.#behind.size === 0) return;
    const dueMs = Math.min(...Array.from(this.#behind, ({ askedMs }) => askedMs + askEveryMs));
    const atMs = Math.max(dueMs, this.#behindFreeMs);
    this.#behindTimer = setTimeout(() => this.#askBehind(), Math.ceil(atMs - nowMs));
  }

  #forgetBehind(): void {
    clearTimeout(this.#behindTimer);
    this.#behind.clear();
  }

  #suspend(hex: WatchedHex<V>, cause: Exclude<StaleCause, "event">): void {
    if (hex.track.mode === "waiting") return;
    hex.track = suspended(hex.track);
    this.#tellAll(hex, { kind: "stale", key: hex.key, cause });
  }

  #ask(hex: WatchedHex<V>): void {
    this.#behind.delete(hex);
    if (!this.#isOnline || hex.denied !== "") return;
    this.#flushSoon();
    this.#asking.set(keyText(hex.key), hex.key);
    hex.askedMs = performance.now();
    this.#remind(hex);
  }

  #askAgain(hex: WatchedHex<V>): void {
    hex.denied = "";
    hex.attempts = 0;
    this.#ask(hex);
  }

  #deny(hex: WatchedHex<V>, reason: string, message: string): void {
    clearTimeout(hex.timer);
    hex.denied = reason;
    hex.track = unseen;
    this.#tellAll(hex, { kind: "denied", key: hex.key, reason, message });
  }

  /** A state that does not come is asked for again. */
  #remind(hex: WatchedHex<V>): void {
    clearTimeout(hex.timer);
    hex.timer = setTimeout(
      () => this.#ask(hex),
      backoffMs(hex.attempts++, this.#options.timing.resubscribe),
    );
  }

  #flushSoon(): void {
    if (this.#asking.size + this.#leaving.size === 0) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const leaving = [...this.#leaving.values()];
    const keys = [...this.#asking.values()];
    this.#leaving.clear();
    this.#asking.clear();
    // First what is let go: the server counts.
    for (const some of inFrames(leaving)) {
      this.#options.send({ case: "unsubscribe", value: { keys: some } });
    }
    for (const some of inFrames(keys)) {
      this.#options.send({ case: "subscribe", value: { keys: some } });
    }
  }

  #tellAll(hex: WatchedHex<V>, update: HexUpdate<V>): void {
    for (const listener of Array.from(hex.listeners)) this.#tell(listener, update);
  }

  #tell(listener: HexListener<V>, update: HexUpdate<V>): void {
    try {
      listener(update);
    } catch (error) {
      this.#options.onFault(error);
    }
  }
}

function inFrames(keys: readonly Key[]): { hexId: bigint; layerId: number }[][] {
  const frames = [];
  for (let i = 0; i < keys.length; i += keysPerFrameMax) {
    frames.push(
      keys.slice(i, i + keysPerFrameMax).map(({ hexId, layerId }) => ({ hexId, layerId })),
    );
  }
  return frames;
}
