/** A way to the broker on which messages to players are lost on purpose. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface LossyBroker {
  /** The URL of the broker, by this way. */
  readonly url: string;
  /** Loses one of so many publishes to `view.topic`, of those under the keys: 0 = none. */
  loseEvery(count: number): void;
  /** Publishes that were lost. */
  readonly lost: number;
  close(): Promise<void>;
}

const frameMethod = 1;
const frameHeader = 2;
const frameBody = 3;
/** Class and method of `basic.publish`. */
const publishMethod = 0x003c_0028;

/** Reads the frames of AMQP 0-9-1 that a client sends, and leaves out some messages. Answers pass as they are. */
export async function openLossyBroker(brokerUrl: string, keys: string): Promise<LossyBroker> {
  const target = new URL(brokerUrl);
  const sockets = new Set<Socket>();
  let everyth = 0;
  let seen = 0;
  let lost = 0;
  const isLost = (): boolean => {
    if (everyth === 0) return false;
    const isThis = ++seen % everyth === 0;
    if (isThis) lost++;
    return isThis;
  };

  const server = createServer((socket) => {
    const broker = connect(Number(target.port === "" ? 5672 : target.port), target.hostname);
    for (const one of [socket, broker]) {
      sockets.add(one);
      one.on("error", () => undefined);
      one.on("close", () => {
        sockets.delete(one);
        socket.destroy();
        broker.destroy();
      });
    }
    broker.pipe(socket);
    const filter = frameFilter(keys, isLost);
    socket.on("data", (data: Buffer) => broker.write(filter(data)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const url = new URL(brokerUrl);
  url.hostname = "127.0.0.1";
  url.port = String(typeof address === "object" && address !== null ? address.port : 0);
  return {
    url: url.href,
    loseEvery: (count) => void (everyth = count),
    get lost() {
      return lost;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function frameFilter(keys: string, isLost: () => boolean): (data: Buffer) => Buffer {
  let waiting = Buffer.alloc(0);
  let hasBegun = false;
  /** Bytes of the body that is being left out, by channel; -1: its header has not come. */
  const leaving = new Map<number, number>();

  function passes(frame: Buffer): boolean {
    const type = frame.readUInt8(0);
    const channel = frame.readUInt16BE(1);
    const left = leaving.get(channel);
    if (left === undefined) {
      if (type !== frameMethod || frame.readUInt32BE(7) !== publishMethod) return true;
      const exchangeEnd = 14 + frame.readUInt8(13);
      const exchange = frame.toString("utf8", 14, exchangeEnd);
      const keyEnd = exchangeEnd + 1 + frame.readUInt8(exchangeEnd);
      const key = frame.toString("utf8", exchangeEnd + 1, keyEnd);
      if (exchange !== "view.topic" || !key.startsWith(keys) || !isLost()) return true;
      leaving.set(channel, -1);
      return false;
    }
    const size = frame.readUInt32BE(3);
    const rest =
      type === frameHeader
        ? Number(frame.readBigUInt64BE(11))
        : type === frameBody
          ? left - size
          : left;
    if (rest === 0) leaving.delete(channel);
    else leaving.set(channel, rest);
    return false;
  }

  return (data) => {
    waiting = Buffer.concat([waiting, data]);
    const passed: Buffer[] = [];
    if (!hasBegun && waiting.length >= 8) {
      // "AMQP" and the version.
      hasBegun = true;
      passed.push(waiting.subarray(0, 8));
      waiting = waiting.subarray(8);
    }
    while (hasBegun && waiting.length >= 7) {
      const length = waiting.readUInt32BE(3) + 8;
      if (waiting.length < length) break;
      const frame = waiting.subarray(0, length);
      waiting = waiting.subarray(length);
      if (passes(frame)) passed.push(frame);
    }
    return Buffer.concat(passed);
  };
}
