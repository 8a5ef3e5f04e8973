/** The last events of one hex, as frames, while its state is read: what has come since is sent behind the state. */

/** Frames and what holds them; the oldest are dropped beyond it. A state that is older than that is read again. */
export const tailBytesMax = 256 * 1024;
/** Of the objects that hold a frame. */
const entryBytes = 128;

interface Entry {
  readonly seq: number;
  readonly frame: Uint8Array;
}

export class EventTail {
  #entries: Entry[] = [];
  #bytes = 0;

  /** Keeps a copy: frames are cut from pieces of Buffer's pool, and one that is kept would keep its whole piece. */
  add(seq: number, frame: Uint8Array): void {
    this.#entries.push({ seq, frame: new Uint8Array(frame) });
    this.#bytes += frame.length + entryBytes;
    while (this.#bytes > tailBytesMax) {
      this.#bytes -= this.#entries.shift()!.frame.length + entryBytes;
    }
  }

  clear(): void {
    this.#entries = [];
    this.#bytes = 0;
  }

  /** Those with a higher number, in their order. */
  after(seq: number): Uint8Array[] {
    return this.#entries.filter((entry) => entry.seq > seq).map(({ frame }) => frame);
  }
}
