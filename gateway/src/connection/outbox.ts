/** What one connection sends: gathered in each turn of the event loop, and bounded by what it costs while it waits. */
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";

/** A frame that waits costs so much beside its bytes: measured, 550 bytes of objects of ws and Node (24.21). */
export const frameCostBytes = 640;
/**
 * While more than that waits views are dropped, and a full state follows when the reader has caught up. Compared before
 * a view is added, not with it: else a small one would still be taken where a large one was dropped, and a reader that
 * stands still would seem to have caught up. So one view goes beyond it, within {@link waitingCostMax}.
 */
export const viewCostMax = 256 * 1024;
/** Beyond it nothing is taken. A frame that is larger goes alone, when nothing waits. */
export const waitingCostMax = 1024 * 1024;

interface Waiting {
  readonly kind: "frame" | "ping" | "pong";
  readonly bytes: Uint8Array;
}

/** The socket, as far as sending goes. */
export type OutboxSocket = Pick<WebSocket, "send" | "ping" | "pong" | "readyState" | "OPEN">;

export class Outbox {
  readonly #socket: OutboxSocket;
  readonly #stream: Pick<Duplex, "cork" | "uncork">;
  #turn: Waiting[] = [];
  #turnCost = 0;
  #cost = 0;

  /** @param stream what `socket` writes to. */
  constructor(socket: OutboxSocket, stream: Pick<Duplex, "cork" | "uncork">) {
    this.#socket = socket;
    this.#stream = stream;
  }

  /** What waits for the peer to read, in bytes: of frames and of the objects that hold them. */
  get cost(): number {
    return this.#cost;
  }

  /** False: what waits already costs too much, and the frame was not taken. */
  sendView(frame: Uint8Array): boolean {
    return this.#cost <= viewCostMax && this.#add({ kind: "frame", bytes: frame });
  }

  /** As {@link sendView}, for what cannot be dropped: the reader is too slow to go on. */
  send(frame: Uint8Array): boolean {
    return this.#add({ kind: "frame", bytes: frame });
  }

  /** As {@link send}, of a WebSocket ping or of the answer to one. */
  control(kind: "ping" | "pong", bytes: Uint8Array = new Uint8Array(0)): boolean {
    return this.#add({ kind, bytes });
  }

  /** What was taken leaves now: before a close, which would overtake it. */
  flush(): void {
    const turn = this.#turn;
    const cost = this.#turnCost;
    this.#turn = [];
    this.#turnCost = 0;
    if (turn.length === 0) return;
    if (this.#socket.readyState !== this.#socket.OPEN) {
      this.#cost -= cost;
      return;
    }
    // One write for all of them, and one callback: a write costs more than a frame.
    this.#stream.cork();
    const last = turn.length - 1;
    for (const [i, { kind, bytes }] of turn.entries()) {
      const written = i === last ? () => void (this.#cost -= cost) : undefined;
      if (kind === "frame") this.#socket.send(bytes, written);
      else if (kind === "ping") this.#socket.ping(bytes, false, written);
      else this.#socket.pong(bytes, false, written);
    }
    this.#stream.uncork();
  }

  #add(waiting: Waiting): boolean {
    const cost = waiting.bytes.length + frameCostBytes;
    if (this.#cost > 0 && this.#cost + cost > waitingCostMax) return false;
    this.#cost += cost;
    this.#turnCost += cost;
    if (this.#turn.push(waiting) === 1) setImmediate(() => this.flush());
    return true;
  }
}
