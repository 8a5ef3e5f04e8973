/** Memory as messages of the broker lie in it: pieces of 128 KiB, each kept alive by the smallest view into it. */
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export interface Pieces {
  /** A view into a piece of its own, with the same content. */
  bytes(content: Uint8Array): Uint8Array;
  readonly made: number;
  /** Pieces that somebody still holds, after a garbage collection. */
  kept(): Promise<number>;
}

const pieceBytes = 128 * 1024;

export function createPieces(): Pieces {
  const pieces: WeakRef<ArrayBuffer>[] = [];
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  return {
    bytes(content) {
      const piece = new Uint8Array(pieceBytes);
      pieces.push(new WeakRef(piece.buffer));
      piece.set(content, 64);
      return piece.subarray(64, 64 + content.length);
    },
    get made() {
      return pieces.length;
    },
    async kept() {
      // A WeakRef that was made or read in this turn holds on until its end.
      await sleep(5);
      collectGarbage();
      await sleep(5);
      return pieces.filter((piece) => piece.deref() !== undefined).length;
    },
  };
}
