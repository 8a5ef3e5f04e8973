import type { Duplex } from "node:stream";

/** A hello has 5 KiB at most; one frame may come behind it. */
export const helloBytesMax = 32 * 1024;
/** Pieces that they may come in: each is an object, and is kept until its frame is whole. */
const helloChunksMax = 64;

/**
 * Counts what comes on a connection before its session begins, whatever becomes of it, and says when it is too much:
 * then at most `helloBytesMax` and what was read at once, 64 KiB, are in memory. Returns its end.
 */
export function guardHello(stream: Duplex, tooMuch: () => void): () => void {
  let bytes = 0;
  let chunks = 0;
  const count = (chunk: Uint8Array): void => {
    bytes += chunk.length;
    chunks++;
    if (bytes <= helloBytesMax && chunks <= helloChunksMax) return;
    stop();
    tooMuch();
  };
  const stop = (): void => void stream.off("data", count);
  // Before ws takes it apart.
  stream.prependListener("data", count);
  return stop;
}
