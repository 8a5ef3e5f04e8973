import { Duplex } from "node:stream";
import type { ChannelModel } from "amqplib";

/**
 * What the channels of a connection say in one turn of the event loop leaves by one write. amqplib writes once a
 * channel, and a write to a socket costs more than most of what is in it: a worker whose slots have committed together
 * acks on as many channels. Throws when this amqplib does not show its socket.
 */
export function gatherWrites(model: ChannelModel): void {
  // Not among its types; without it the connection would work, but not as it is measured.
  const { stream } = model.connection as { stream?: unknown };
  if (!(stream instanceof Duplex)) throw new Error("amqplib does not show the socket it writes to");
  gatherWritesOf(stream);
}

/** As {@link gatherWrites}, for any stream. */
export function gatherWritesOf(stream: Duplex): void {
  const write = stream.write.bind(stream) as (...all: unknown[]) => boolean;
  let gathering = false;
  const flush = (): void => {
    gathering = false;
    stream.uncork();
  };
  stream.write = (...all: unknown[]): boolean => {
    if (!gathering) {
      gathering = true;
      stream.cork();
      process.nextTick(flush);
    }
    return write(...all);
  };
}
