/** Flooders, in a thread of their own: what they cost the machine is not to be taken for what they cost the gateway. */
import { setTimeout as pause } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ClientFrameSchema, ServerFrameSchema } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { parseKeyText } from "@hexhold/hex";
import { WebSocket } from "ws";

export interface Flooder {
  readonly token: string;
  /** Key text of its hex. */
  readonly key: string;
  /** Of frames that it sends, by name. */
  readonly kinds: readonly string[];
}

export interface FloodOrder {
  readonly url: string;
  readonly flooders: readonly Flooder[];
  /** Connections that never say hello, spread over addresses of this machine. */
  readonly silent: number;
}

export interface FloodReport {
  /** From a hello to the end of its connection, the longest. */
  readonly closedMs: number;
  readonly connections: number;
  readonly codes: readonly number[];
  /** HTTP statuses of refused upgrades. */
  readonly refused: Readonly<Record<number, number>>;
}

type Content = NonNullable<MessageInitShape<typeof ClientFrameSchema>["frame"]>;
const silentPerAddress = 50;

const bytesOf = (frame: Content): Uint8Array =>
  toBinary(ClientFrameSchema, create(ClientFrameSchema, { frame }));

function wire(text: string) {
  const { hexId, layerId } = parseKeyText(text);
  return { hexId, layerId };
}

const senders: Record<string, (socket: WebSocket, flooder: Flooder) => void> = {
  command: (socket) =>
    socket.send(bytesOf({ case: "command", value: { type: "cmd.hex.observe" } })),
  subscribe: (socket, { key }) =>
    socket.send(bytesOf({ case: "subscribe", value: { keys: [wire(key)] } })),
  "subscribe and unsubscribe": (socket, { key }) => {
    socket.send(bytesOf({ case: "subscribe", value: { keys: [wire(key)] } }));
    socket.send(bytesOf({ case: "unsubscribe", value: { keys: [wire(key)] } }));
  },
  ping: (socket) => socket.send(bytesOf({ case: "ping", value: { nonce: 1n } })),
  refresh: (socket, { token }) => socket.send(bytesOf({ case: "refresh", value: { token } })),
  "WebSocket ping": (socket) => socket.ping(Buffer.alloc(125)),
  "WebSocket pong": (socket) => socket.pong(),
  malformed: (socket) => socket.send(Buffer.from([255])),
};

const { url, flooders, silent } = workerData as FloodOrder;
const stopping = new AbortController();
const codes = new Set<number>();
const refused: Record<number, number> = {};
let closedMs = 0;
let connections = 0;

function open(localAddress = "127.0.0.1"): WebSocket {
  connections++;
  const socket = new WebSocket(url, "hexhold.v1", { localAddress });
  socket.on("error", () => undefined);
  socket.on("unexpected-response", (request, { statusCode = 0 }) => {
    refused[statusCode] = (refused[statusCode] ?? 0) + 1;
    request.destroy();
  });
  return socket;
}

/** One connection: hello, then frames as fast as they go, until it is closed. */
async function floodOnce(flooder: Flooder): Promise<void> {
  const socket = open();
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  const welcomed = new Promise<boolean>((resolve) => {
    socket.on("open", () =>
      socket.send(bytesOf({ case: "hello", value: { token: flooder.token, sdk: "flood" } })),
    );
    socket.on("message", (data: Buffer) =>
      resolve(fromBinary(ServerFrameSchema, new Uint8Array(data)).frame.case === "welcome"),
    );
    socket.on("close", () => resolve(false));
  });
  const startedMs = performance.now();
  if (await welcomed) {
    while (socket.readyState === WebSocket.OPEN && !stopping.signal.aborted) {
      for (const kind of flooder.kinds) senders[kind]!(socket, flooder);
      if (socket.bufferedAmount > 64 * 1024) await pause(1);
      else await new Promise((resolve) => setImmediate(resolve));
    }
  }
  if (stopping.signal.aborted) {
    socket.terminate();
    return;
  }
  codes.add(await closed);
  closedMs = Math.max(closedMs, performance.now() - startedMs);
}

/** Comes back at once whenever it is closed. */
async function flood(flooder: Flooder): Promise<void> {
  while (!stopping.signal.aborted) {
    await floodOnce(flooder);
    await pause(20);
  }
}

const crowd = Array.from({ length: silent }, (_, i) =>
  open(`127.0.1.${1 + Math.floor(i / silentPerAddress)}`),
);
const running = Promise.all(flooders.map(flood));
parentPort?.once("message", () => {
  stopping.abort();
  for (const socket of crowd) socket.terminate();
  void running.then(() => {
    const report: FloodReport = { closedMs, connections, codes: [...codes], refused };
    parentPort?.postMessage(report);
  });
});
