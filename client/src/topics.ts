/** Which topics are listened to, and by whom: frames of the gateway on their way to {@link TopicListener}s. */
import type { Error as ErrorFrame, Topic } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import type { ClientFrameInit } from "./socket.ts";

/** What is for the player of the session alone: it comes unasked. */
export const ownTopic = "player";

/**
 * What a listener is told. `mark`: the topic has come to `seq` (0 = nobody knows), and what follows will be told; the
 * first thing of each connection. `lost`: events were dropped (`resync`), or the connection is gone (`connection`): a
 * mark follows then. `denied`: the server does not have the topic, or not for this session. `closed`: the session is over.
 */
export type TopicUpdate =
  | {
      readonly kind: "event";
      readonly seq: bigint;
      readonly type: string;
      readonly version: number;
      readonly payload: Uint8Array;
    }
  | { readonly kind: "mark"; readonly seq: bigint }
  | { readonly kind: "lost"; readonly cause: "resync" | "connection" }
  | { readonly kind: "denied"; readonly reason: string; readonly message: string }
  | { readonly kind: "closed" };

export type TopicListener = (update: TopicUpdate) => void;

export interface Listening {
  /** Idempotent. */
  close(): void;
}

export interface TopicsOptions {
  readonly send: (content: ClientFrameInit) => boolean;
  /** A listener threw. */
  readonly onFault: (error: unknown) => void;
}

interface HeardTopic {
  readonly listeners: Set<TopicListener>;
  /** A mark has come on this connection. */
  isLive: boolean;
}

export class Topics {
  readonly #options: TopicsOptions;
  readonly #topics = new Map<string, HeardTopic>();
  /** To be taken up, or let go, at the end of this turn. */
  #changed = new Set<string>();
  #isOwnLive = false;
  #isOnline = false;
  #isClosed = false;

  constructor(options: TopicsOptions) {
    this.#options = options;
  }

  listen(topic: string, listener: TopicListener): Listening {
    const known = this.#topics.get(topic);
    const heard = known ?? { listeners: new Set(), isLive: topic === ownTopic && this.#isOwnLive };
    if (known === undefined) {
      this.#topics.set(topic, heard);
      this.#change(topic);
    }
    // One listener may be given twice: each ends by itself.
    const own: TopicListener = (update) => listener(update);
    heard.listeners.add(own);
    if (this.#isClosed) queueMicrotask(() => this.#tell(heard, own, { kind: "closed" }));
    if (heard.isLive) queueMicrotask(() => this.#tell(heard, own, { kind: "mark", seq: 0n }));
    return {
      close: () => {
        if (!heard.listeners.delete(own) || heard.listeners.size > 0) return;
        this.#topics.delete(topic);
        this.#change(topic);
      },
    };
  }

  online(): void {
    this.#isOnline = true;
    for (const topic of this.#topics.keys()) this.#change(topic);
  }

  offline(): void {
    if (!this.#isOnline) return;
    this.#isOnline = false;
    this.#isOwnLive = false;
    this.#changed.clear();
    for (const heard of this.#topics.values()) {
      heard.isLive = false;
      this.#tellAll(heard, { kind: "lost", cause: "connection" });
    }
  }

  /** The session is over. */
  close(): void {
    this.#isClosed = true;
    for (const heard of this.#topics.values()) this.#tellAll(heard, { kind: "closed" });
  }

  onTopic({ topic, seq, type, version, payload }: Topic): void {
    if (topic === ownTopic) this.#isOwnLive = true;
    const heard = this.#topics.get(topic);
    if (heard === undefined) return;
    if (type === "") {
      heard.isLive = true;
      this.#tellAll(heard, { kind: "mark", seq });
    } else {
      this.#tellAll(heard, { kind: "event", seq, type, version, payload });
    }
  }

  onResync(topics: readonly string[]): void {
    for (const topic of topics) {
      const heard = this.#topics.get(topic);
      if (heard !== undefined) this.#tellAll(heard, { kind: "lost", cause: "resync" });
    }
  }

  onError({ topic, reason, message }: ErrorFrame): void {
    const heard = this.#topics.get(topic);
    if (heard !== undefined) this.#tellAll(heard, { kind: "denied", reason, message });
  }

  #change(topic: string): void {
    if (topic === ownTopic || !this.#isOnline) return;
    this.#changed.add(topic);
    if (this.#changed.size === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const changed = [...this.#changed];
    this.#changed = new Set();
    if (changed.length === 0) return;
    const add = changed.filter((topic) => this.#topics.has(topic));
    const drop = changed.filter((topic) => !this.#topics.has(topic));
    this.#options.send({ case: "listen", value: { add, drop } });
  }

  #tellAll(heard: HeardTopic, update: TopicUpdate): void {
    for (const listener of heard.listeners) this.#tell(heard, listener, update);
  }

  #tell(heard: HeardTopic, listener: TopicListener, update: TopicUpdate): void {
    if (!heard.listeners.has(listener)) return;
    try {
      listener(update);
    } catch (error) {
      this.#options.onFault(error);
    }
  }
}
