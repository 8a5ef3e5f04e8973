/** Eight hundred bytes a command go through it, at 10,000 a second: 60 pieces a second instead of 1,000. */
const poolBytes = 128 * 1024;

/**
 * Has Node cut small Buffers from pieces of 128 KiB instead of 8. Each piece is memory outside the heap, which the
 * collector keeps account of one by one; under load that was a tenth of a worker and of a gateway (bench/README.md).
 * The price: a small Buffer that is kept for long keeps 128 KiB alive. What is kept is copied, or kept as a text.
 * @see https://nodejs.org/api/buffer.html#bufferpoolsize
 */
export function widenBufferPool(): void {
  Buffer.poolSize = poolBytes;
}
