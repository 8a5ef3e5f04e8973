import { PassThrough } from "node:stream";
import type { Channel, ChannelModel } from "amqplib";

/**
 * Bytes that a channel was given and its connection's socket has not taken yet. amqplib holds them in a stream a
 * channel, without a bound; `publish` says only that 1,024 pieces wait, of whatever size. Throws when this amqplib
 * does not show that stream.
 */
export function watchBacklog(model: ChannelModel, channel: Channel): () => number {
  // Not among its types, as in `gatherWrites`.
  const { channels } = model.connection as { channels?: { buffer?: unknown }[] };
  const buffer = channels?.[(channel as { ch?: number }).ch ?? -1]?.buffer;
  if (!(buffer instanceof PassThrough)) throw new Error("amqplib does not show a channel's buffer");
  return watchBacklogOf(buffer);
}

/** As {@link watchBacklog}, for any stream of buffers that is read by `read()`. */
export function watchBacklogOf(buffer: PassThrough): () => number {
  const write = buffer.write.bind(buffer) as (...all: unknown[]) => boolean;
  const read = buffer.read.bind(buffer);
  let waitingBytes = 0;
  buffer.write = (...all: unknown[]): boolean => {
    waitingBytes += (all[0] as Buffer).length;
    return write(...all);
  };
  buffer.read = (size?: number): unknown => {
    const chunk: unknown = read(size);
    if (chunk !== null) waitingBytes -= (chunk as Buffer).length;
    return chunk;
  };
  return () => waitingBytes;
}
