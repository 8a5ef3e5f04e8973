/**
 * Who observes which hex. Per hex one observe at a time, shared by all who wait for a state; events go to
 * each observer from its own place on, without a hole: full state first, then every number after it.
 *
 * A place is (activation, number). Another activation, or a number that is not the next, means that
 * something was lost: everybody gets the full state again.
 *
 * Observing a hex is *idle* → *observing* (when somebody waits; so many hexes at a time, the others in their order)
 * → *idle*, or → *backing off* when there was no state → *observing* again, when the pause is over. Pauses of a hex
 * grow with each failure; an event of it, or somebody new who waits, shortens the pause to the first one, and a new
 * connection ends it.
 */
import { compareBytes } from "./compare-bytes.ts";
import { type Key, keyText, regionOf } from "@hexhold/hex";
import { decodeEnvelope, decodeViews, type Inbox, type Publisher } from "@hexhold/messaging";
import type {
  Answer,
  Envelope,
  ViewEvent,
  ViewMark,
} from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import type { Logger } from "@hexhold/telemetry";
import { eventFrame, serverFrame } from "../frame/server-frame.ts";
import { EventTail } from "./event-tail.ts";
import { RegionBindings } from "./region-bindings.ts";
import { Turns } from "./turns.ts";
import type { GatewayMetrics } from "../gateway-metrics.ts";

/** A connection as interest sees it. */
export interface Observer {
  /** False: its buffer is full, and the frame was not taken. */
  sendView(frame: Uint8Array): boolean;
  /** Its buffer has been full for too long. */
  tooSlow(): void;
  readonly closed: boolean;
}

/** The result of the command by which a hex is read. */
export interface ViewContract {
  /** Full name of the message; empty when the game has no such command. */
  readonly type: string;
  /** Version of the command: it rises with every change of its result. */
  readonly version: number;
}

export interface InterestOptions {
  /** Sends the observe command; resolves with its answer, or undefined when there is none in time. */
  readonly observe: (key: Key) => Promise<Answer | undefined>;
  /** What the game's views are: named in each state, so that a client can tell whether it reads them. */
  readonly view: ViewContract;
  /** An event of a watched hex, before any observer sees it. */
  readonly onSeen?: (key: Key, envelope: Envelope) => void;
  /** An event of no hex: its envelope. */
  readonly onAnnouncement: (envelope: Uint8Array, publisher: Publisher) => void;
  /** A sender had to drop messages, which ones it cannot say. Default: nobody else is told. */
  readonly onLost?: () => void;
  /** A reader whose buffer stays full for so long is ended. Default 30 s: a pause of the network is shorter. */
  readonly slowMsMax?: number;
  /** How often slow readers are looked at. Default 250 ms. */
  readonly laggardsEveryMs?: number;
  readonly logger: Logger;
  readonly metrics: GatewayMetrics;
}

/** A slow reader. */
interface Laggard {
  /** Since when its buffer is full. */
  readonly sinceMs: number;
  /** Hexes whose events it missed. */
  readonly missed: Set<WatchedHex>;
}

interface WatchedHex {
  readonly key: Key;
  readonly region: string;
  /** Who waits for a full state. */
  readonly waiting: Set<Observer>;
  /** Who has one, with the number up to which it has seen. */
  readonly live: Map<Observer, number>;
  /** Where the events have come, of which activation; undefined before the first state or event. Memory of its own. */
  activationId: Uint8Array | undefined;
  viewSeq: number;
  /** The last events of this activation, while a state is read that is still wanted. */
  tail: EventTail | undefined;
  observing: boolean;
  /** Pause after the next failure. */
  retryMs: number;
  /** While it backs off. */
  retry: { readonly timer: NodeJS.Timeout; readonly atMs: number } | undefined;
}

const observeRetryMs = { first: 300, most: 10_000 };
/** Hexes that are observed at a time: a gateway that comes back to the bus watches thousands. */
const observesMax = 64;
/**
 * An observe without an answer makes room for the next one: those of a worker that is frozen take 5 s each, and
 * must not hold up those of others. So at most some 1,300 are without an answer.
 */
const observePlaceMsMax = 250;
const laggardsEveryMsDefault = 250;
const slowMsMaxDefault = 30_000;

export class Interest {
  readonly #options: InterestOptions;
  readonly #hexes = new Map<string, WatchedHex>();
  readonly #bindings: RegionBindings;
  readonly #observes = new Turns(observesMax);
  readonly #lagging = new Map<Observer, Laggard>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: InterestOptions) {
    this.#options = options;
    this.#bindings = new RegionBindings({
      onChange: (bound) => options.metrics.bindings.set(bound),
    });
    const { laggardsEveryMs = laggardsEveryMsDefault } = options;
    this.#timer = setInterval(() => this.#retryLaggards(), laggardsEveryMs);
    this.#timer.unref();
  }

  /** A view queue on a new connection: binds every region again and resynchronises everybody. */
  async connect(inbox: Inbox): Promise<void> {
    await this.#bindings.connect(inbox);
    for (const hex of this.#hexes.values()) {
      this.#endPause(hex);
      this.#resync(hex, "reconnect");
    }
  }

  disconnect(): void {
    this.#bindings.disconnect();
  }

  subscribe(observer: Observer, keys: readonly Key[]): void {
    for (const key of keys) {
      const text = keyText(key);
      const hex = this.#hexes.get(text) ?? this.#watch(key, text);
      hex.live.delete(observer);
      if (!hex.waiting.has(observer)) this.#shortenPause(hex);
      hex.waiting.add(observer);
      this.#observe(hex);
    }
  }

  unsubscribe(observer: Observer, keys: readonly Key[]): void {
    for (const key of keys) {
      const text = keyText(key);
      const hex = this.#hexes.get(text);
      if (hex !== undefined) this.#remove(observer, hex, text);
    }
  }

  /** The connection is gone. */
  drop(observer: Observer, keys: Iterable<Key>): void {
    this.#lagging.delete(observer);
    this.unsubscribe(observer, [...keys]);
  }

  /** A message of the view queue. An empty batch: its sender had to drop some, which ones it cannot say. */
  onViews(body: Uint8Array, publisher: Publisher): void {
    let batch;
    try {
      batch = decodeViews(body);
    } catch (error) {
      this.#options.logger.error({ err: error }, "a view message cannot be read");
      return;
    }
    if (batch.events.length === 0 && batch.marks.length === 0) {
      this.#resyncAll("lost");
      this.#options.onLost?.();
      return;
    }
    for (const event of batch.events) {
      if (event.key === undefined) {
        this.#options.onAnnouncement(event.event, publisher);
        continue;
      }
      const hex = this.#hexes.get(keyText(event.key));
      if (hex !== undefined) this.#onEvent(hex, event);
    }
    for (const mark of batch.marks) {
      const hex = mark.key === undefined ? undefined : this.#hexes.get(keyText(mark.key));
      if (hex !== undefined) this.#onMark(hex, mark);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#bindings.stop();
  }

  #watch(key: Key, text: string): WatchedHex {
    const hex: WatchedHex = {
      key,
      region: regionOf(key.hexId),
      waiting: new Set(),
      live: new Map(),
      activationId: undefined,
      viewSeq: 0,
      tail: undefined,
      observing: false,
      retryMs: observeRetryMs.first,
      retry: undefined,
    };
    this.#hexes.set(text, hex);
    this.#bindings.watch(hex.region);
    return hex;
  }

  #remove(observer: Observer, hex: WatchedHex, text: string): void {
    hex.waiting.delete(observer);
    hex.live.delete(observer);
    this.#lagging.get(observer)?.missed.delete(hex);
    if (hex.waiting.size === 0) hex.tail = undefined;
    if (hex.waiting.size > 0 || hex.live.size > 0 || this.#hexes.get(text) !== hex) return;
    this.#hexes.delete(text);
    this.#endPause(hex);
    this.#bindings.unwatch(hex.region);
  }

  #onEvent(hex: WatchedHex, event: ViewEvent): void {
    const seq = Number(event.viewSeq);
    // Activation ids rise with time: an older one is a straggler of an owner that is gone.
    const order = this.#orderOf(hex, event.activationId);
    if (order < 0 || (order === 0 && seq <= hex.viewSeq)) return;
    this.#shortenPause(hex);
    const isFirst = hex.activationId === undefined;
    const isLost = !isFirst && (order > 0 || seq !== hex.viewSeq + 1);
    if (isLost) hex.tail?.clear();
    this.#movedTo(hex, event.activationId, seq);
    const envelope = decodeEnvelope(event.event);
    this.#options.onSeen?.(hex.key, envelope);
    if (isLost) this.#resync(hex, order > 0 ? "activation" : "gap");
    if (hex.live.size === 0 && hex.tail === undefined) return;
    const frame = eventFrame(event, envelope);
    hex.tail?.add(seq, frame);
    for (const [observer, seen] of hex.live) {
      if (seq === seen + 1) this.#send(observer, hex, frame, seq);
    }
  }

  #onMark(hex: WatchedHex, mark: ViewMark): void {
    if (hex.activationId === undefined) return;
    const order = this.#orderOf(hex, mark.activationId);
    if (order < 0 || (order === 0 && Number(mark.viewSeq) <= hex.viewSeq)) return;
    hex.tail?.clear();
    this.#movedTo(hex, mark.activationId, Number(mark.viewSeq));
    this.#resync(hex, "mark");
  }

  /** Above 0: of a later activation than what is known of the hex, or the first. */
  #orderOf(hex: WatchedHex, activationId: Uint8Array): number {
    return hex.activationId === undefined ? 1 : compareBytes(activationId, hex.activationId);
  }

  /** Activation ids come as views into a message; one that is kept as it is keeps a piece of 128 KiB. */
  #movedTo(hex: WatchedHex, activationId: Uint8Array, viewSeq: number): void {
    if (this.#orderOf(hex, activationId) !== 0) hex.activationId = new Uint8Array(activationId);
    hex.viewSeq = viewSeq;
  }

  #resyncAll(cause: string): void {
    for (const hex of this.#hexes.values()) {
      if (hex.live.size > 0) this.#resync(hex, cause);
      // A state that is being read may be older than what was lost.
      hex.tail = undefined;
    }
  }

  #resync(hex: WatchedHex, cause: string): void {
    this.#options.metrics.resyncs.inc({ cause });
    for (const observer of hex.live.keys()) hex.waiting.add(observer);
    hex.live.clear();
    this.#observe(hex);
  }

  #observe(hex: WatchedHex): void {
    if (hex.observing || hex.retry !== undefined || hex.waiting.size === 0) return;
    hex.observing = true;
    void this.#observeOnce(hex).then((settled) => {
      hex.observing = false;
      if (settled) hex.retryMs = observeRetryMs.first;
      if (hex.waiting.size === 0) return;
      if (settled) this.#observe(hex);
      else this.#pause(hex);
    });
  }

  #pause(hex: WatchedHex): void {
    const ms = hex.retryMs * (0.9 + Math.random() * 0.2);
    const timer = setTimeout(() => {
      hex.retry = undefined;
      this.#observe(hex);
    }, ms).unref();
    hex.retry = { timer, atMs: performance.now() + ms };
    hex.retryMs = Math.min(hex.retryMs * 2, observeRetryMs.most);
  }

  #endPause(hex: WatchedHex): void {
    clearTimeout(hex.retry?.timer);
    hex.retry = undefined;
    hex.retryMs = observeRetryMs.first;
  }

  /** There may be a state by now. However often this is said, attempts are no closer than the first pause. */
  #shortenPause(hex: WatchedHex): void {
    if (hex.retry === undefined) return;
    if (hex.retry.atMs - performance.now() <= 1.1 * observeRetryMs.first) return;
    this.#endPause(hex);
    this.#pause(hex);
  }

  /** Asks for the state when its turn has come. False: try again later. */
  async #observeOnce(hex: WatchedHex): Promise<boolean> {
    // Events must be on their way before the state is read.
    try {
      await this.#bindings.whenBound(hex.region);
    } catch {
      return false;
    }
    return this.#observes.run(() => this.#readState(hex), observePlaceMsMax);
  }

  /** Asks for the state and hands it to those who waited when it was asked. False: try again later. */
  async #readState(hex: WatchedHex): Promise<boolean> {
    if (hex.waiting.size === 0) return true;
    const asked = [...hex.waiting];
    const tail = new EventTail();
    hex.tail = tail;
    const answer = await this.#options.observe(hex.key);
    const isVoid = hex.tail !== tail;
    hex.tail = undefined;
    if (answer?.outcome.case !== "applied" || answer.view === undefined) return false;
    if (isVoid) return true;
    const { activationId } = answer.view;
    const viewSeq = Number(answer.view.viewSeq);
    const order = this.#orderOf(hex, activationId);
    if (order < 0) return true;
    if (order > 0) {
      const hadOthers = hex.activationId !== undefined && hex.live.size > 0;
      tail.clear();
      this.#movedTo(hex, activationId, viewSeq);
      if (hadOthers) this.#resync(hex, "activation");
    } else if (viewSeq > hex.viewSeq && hex.live.size === 0) {
      hex.viewSeq = viewSeq;
    }
    // Events between the state and what has come since must all be at hand.
    const newer = tail.after(viewSeq);
    if (newer.length < hex.viewSeq - viewSeq) return true;
    const frame = serverFrame({
      case: "state",
      value: {
        key: { hexId: hex.key.hexId, layerId: hex.key.layerId },
        activationId,
        viewSeq: BigInt(viewSeq),
        hexVersion: answer.hexVersion,
        view: answer.outcome.value.result,
        viewType: this.#options.view.type,
        viewVersion: this.#options.view.version,
      },
    });
    for (const observer of asked) {
      if (!hex.waiting.delete(observer) || observer.closed) continue;
      hex.live.set(observer, viewSeq);
      this.#send(observer, hex, frame, viewSeq);
      for (const [i, eventBytes] of newer.entries()) {
        if (hex.live.has(observer)) this.#send(observer, hex, eventBytes, viewSeq + 1 + i);
      }
    }
    return true;
  }

  #send(observer: Observer, hex: WatchedHex, frame: Uint8Array, seq: number): void {
    if (observer.sendView(frame)) {
      hex.live.set(observer, seq);
      this.#options.metrics.events.inc();
      return;
    }
    // A slow reader misses events, and gets the full state when it has caught up.
    hex.live.delete(observer);
    const laggard = this.#lagging.get(observer) ?? {
      sinceMs: performance.now(),
      missed: new Set(),
    };
    laggard.missed.add(hex);
    this.#lagging.set(observer, laggard);
  }

  #retryLaggards(): void {
    const { slowMsMax = slowMsMaxDefault, metrics } = this.#options;
    const nowMs = performance.now();
    for (const [observer, { missed, sinceMs }] of this.#lagging) {
      const keys = [...missed].map((hex) => hex.key);
      const notice = serverFrame({
        case: "notice",
        value: { kind: 1, keys: keys.map(({ hexId, layerId }) => ({ hexId, layerId })) },
      });
      if (!observer.closed && !observer.sendView(notice)) {
        if (nowMs - sinceMs > slowMsMax) observer.tooSlow();
        continue;
      }
      this.#lagging.delete(observer);
      if (observer.closed) continue;
      metrics.resyncs.inc({ cause: "slow-reader" });
      for (const hex of missed) {
        hex.waiting.add(observer);
        this.#observe(hex);
      }
    }
  }
}
