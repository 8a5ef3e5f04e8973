/**
 * Which regions the view queue is bound to, counted by who watches them: what is bound already costs no call to the
 * broker, and what nobody watches any more is unbound later, so that coming and going costs none either.
 *
 * A region is *unbound* → *binding* → *bound* → *unbinding* → *unbound*; the calls of one region follow each other.
 * A bound region without watchers is *idle*; after `idleMs`, or when too many are, it is unbound, the longest idle
 * first. A new inbox begins with all of them unbound.
 */
import type { Inbox } from "@hexhold/messaging";
import { Turns } from "./turns.ts";

export interface RegionBindingsOptions {
  /** Default 30 s: a player that walks to and fro comes back sooner. */
  readonly idleMs?: number;
  /** Bound regions without watchers. Default 1,000. */
  readonly idleMax?: number;
  /** Calls to the broker at a time. Default 16. */
  readonly callsMax?: number;
  /** How many are bound. */
  readonly onChange?: (bound: number) => void;
}

type Port = Pick<Inbox, "bind" | "unbind">;

interface Region {
  readonly name: string;
  watchers: number;
  /** Of the current inbox. */
  bound: boolean;
  /** The last call, or one that waits for its turn; never rejects. */
  call: Promise<void> | undefined;
  idleSinceMs: number;
}

const sweepEveryMs = 1000;

export class RegionBindings {
  readonly #regions = new Map<string, Region>();
  /** Bound and without watchers, the longest idle first. */
  readonly #idle = new Set<Region>();
  readonly #options: Required<RegionBindingsOptions>;
  readonly #timer: NodeJS.Timeout;
  readonly #turns: Turns;
  #inbox: Port | undefined;
  #bound = 0;

  constructor(options: RegionBindingsOptions = {}) {
    this.#options = {
      idleMs: 30_000,
      idleMax: 1000,
      callsMax: 16,
      onChange: () => undefined,
      ...options,
    };
    this.#turns = new Turns(this.#options.callsMax);
    this.#timer = setInterval(() => this.sweep(performance.now()), sweepEveryMs);
    this.#timer.unref();
  }

  /** A queue without bindings. Resolves when every watched region is bound; rejects when one cannot be. */
  async connect(inbox: Port): Promise<void> {
    this.disconnect();
    this.#inbox = inbox;
    const watched = [...this.#regions.values()].map(({ name }) => name);
    await Promise.all(watched.map(async (name) => this.whenBound(name)));
  }

  disconnect(): void {
    this.#inbox = undefined;
    this.#idle.clear();
    for (const region of this.#regions.values()) {
      region.bound = false;
      // Whatever is on its way belongs to the old queue.
      region.call = undefined;
      if (region.watchers === 0) this.#regions.delete(region.name);
    }
    this.#count(-this.#bound);
  }

  /** One more watches it; {@link whenBound} says when its events are on their way. */
  watch(name: string): void {
    const region = this.#regions.get(name) ?? {
      name,
      watchers: 0,
      bound: false,
      call: undefined,
      idleSinceMs: 0,
    };
    region.watchers++;
    this.#regions.set(name, region);
    this.#idle.delete(region);
  }

  unwatch(name: string, nowMs = performance.now()): void {
    const region = this.#regions.get(name);
    if (region === undefined || --region.watchers > 0) return;
    region.idleSinceMs = nowMs;
    if (region.bound) this.#idle.add(region);
    else if (region.call === undefined) this.#regions.delete(name);
    this.sweep(nowMs);
  }

  /** Undefined: events of a watched region are on their way. Else when they are; rejects when they cannot be had now. */
  whenBound(name: string): Promise<void> | undefined {
    const region = this.#regions.get(name);
    const inbox = this.#inbox;
    if (region === undefined || inbox === undefined) return Promise.reject(new NotBoundError(name));
    if (region.bound && region.call === undefined) return undefined;
    if (!region.bound) this.#call(region, inbox, true);
    return region.call?.then(() => {
      if (!region.bound || this.#inbox !== inbox) throw new NotBoundError(name);
    });
  }

  /** Unbinds what has been idle for long enough. */
  sweep(nowMs: number): void {
    const { idleMs, idleMax } = this.#options;
    for (const region of this.#idle) {
      if (this.#idle.size <= idleMax && nowMs - region.idleSinceMs < idleMs) break;
      this.#idle.delete(region);
      if (this.#inbox !== undefined) this.#call(region, this.#inbox, false);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Binds or unbinds behind the region's call before; does nothing when that has done it, or nobody wants it any more. */
  #call(region: Region, inbox: Port, bind: boolean): void {
    const call = (region.call ?? Promise.resolve()).then(async () => {
      const isCurrent = this.#inbox === inbox;
      const isWanted = region.watchers > 0;
      if (isCurrent && region.bound !== bind && isWanted === bind) {
        await this.#turns
          .run(() => (bind ? inbox.bind(region.name) : inbox.unbind(region.name)))
          .then(
            () => this.#changed(region, inbox, bind),
            () => undefined,
          );
      }
      if (region.call !== call) return;
      region.call = undefined;
      this.#settle(region);
    });
    region.call = call;
  }

  #changed(region: Region, inbox: Port, bound: boolean): void {
    if (this.#inbox !== inbox) return;
    region.bound = bound;
    this.#count(bound ? 1 : -1);
  }

  /** It may have been left, or taken again, while its call was on its way. */
  #settle(region: Region): void {
    if (region.watchers > 0) return;
    if (!region.bound) this.#regions.delete(region.name);
    else this.#idle.add(region);
  }

  #count(change: number): void {
    this.#bound += change;
    this.#options.onChange(this.#bound);
  }
}

/** There is no queue, or it could not be bound: try again. */
class NotBoundError extends Error {
  readonly code = "NOT_BOUND";
  constructor(region: string) {
    super(`the view queue is not bound to ${region}`);
    this.name = "NotBoundError";
  }
}
