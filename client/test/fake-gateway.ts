/** A gateway that a test moves by hand: real sockets, real frames, no world behind them. */
import type { Duplex } from "node:stream";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type ClientFrame,
  ClientFrameSchema,
  type Command,
  ServerFrameSchema,
} from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import type { AnswerSchema, ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { TransferResultSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { Durability } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { type WebSocket, WebSocketServer } from "ws";

export type ServerContent = NonNullable<MessageInitShape<typeof ServerFrameSchema>["frame"]>;
export type ClientContent = ClientFrame["frame"];
type AnswerOutcome = NonNullable<MessageInitShape<typeof AnswerSchema>["outcome"]>;

export interface FakePeer {
  readonly received: ClientContent[];
  readonly commands: Command[];
  send(content: ServerContent): void;
  sendRaw(data: Uint8Array | string): void;
  close(code: number): void;
  /** Says goodbye and then reads nothing until `go` is called: the client's socket stays half closed. */
  closeSlowly(code: number): { readonly go: () => void };
  /** As a process that dies. */
  cut(): void;
  answer(command: Command, outcome: AnswerOutcome, replayed?: boolean): void;
  /** As a transfer of that number. */
  apply(command: Command, number?: bigint): void;
  fail(command: Command, errorCode: ErrorCode, reason?: string, retryAfterMs?: number): void;
}

export interface FakeGateway {
  readonly url: string;
  readonly peers: FakePeer[];
  /** What happens to each frame; `hello` is welcomed and `ping` answered before, unless told otherwise. */
  onFrame: (peer: FakePeer, content: ClientContent) => void;
  welcomes: boolean;
  pongs: boolean;
  serverNow: () => number;
  /** The last connection. */
  readonly peer: FakePeer;
  stop(): Promise<void>;
}

export const sessionId = new Uint8Array(16).fill(7);
export const residence = { hexId: 0x861f1d48fffffffn, layerId: 0 };

export async function startFakeGateway(): Promise<FakeGateway> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const peers: FakePeer[] = [];
  const gateway: FakeGateway = {
    url: `ws://127.0.0.1:${port}`,
    peers,
    onFrame: () => undefined,
    welcomes: true,
    pongs: true,
    serverNow: () => Date.now(),
    get peer() {
      return peers.at(-1)!;
    },
    async stop() {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  server.on("connection", (socket) => {
    const peer = newPeer(socket);
    peers.push(peer);
    socket.on("message", (data: Buffer) => {
      const content = fromBinary(ClientFrameSchema, new Uint8Array(data)).frame;
      peer.received.push(content);
      if (content.case === "command") peer.commands.push(content.value);
      if (content.case === "hello" && gateway.welcomes) {
        peer.send({
          case: "welcome",
          value: { sessionId, serverTimeMs: BigInt(gateway.serverNow()), residence },
        });
      }
      if (content.case === "ping" && gateway.pongs) {
        const serverTimeMs = BigInt(gateway.serverNow());
        peer.send({ case: "pong", value: { nonce: content.value.nonce, serverTimeMs } });
      }
      gateway.onFrame(peer, content);
    });
  });
  return gateway;
}

function newPeer(socket: WebSocket): FakePeer {
  const peer: FakePeer = {
    received: [],
    commands: [],
    send: (frame) => socket.send(toBinary(ServerFrameSchema, create(ServerFrameSchema, { frame }))),
    sendRaw: (data) => socket.send(data),
    close: (code) => socket.close(code),
    closeSlowly(code) {
      socket.pause();
      const { _socket: stream } = socket as unknown as { readonly _socket: Duplex };
      stream.write(Buffer.from([0x88, 2, code >> 8, code & 0xff]));
      return { go: () => socket.resume() };
    },
    cut: () => socket.terminate(),
    answer: ({ requestId, key }, outcome, replayed = false) =>
      peer.send({
        case: "answer",
        value: {
          requestId,
          ...(key === undefined ? {} : { key }),
          hexVersion: 3n,
          replayed,
          durability: Durability.DURABLE,
          outcome,
        },
      }),
    apply: (command, number = 1n) =>
      peer.answer(command, {
        case: "applied",
        value: { result: toBinary(TransferResultSchema, create(TransferResultSchema, { number })) },
      }),
    fail: (command, errorCode, reason = "test", retryAfterMs = 0) =>
      peer.answer(command, { case: "error", value: { errorCode, reason, retryAfterMs } }),
  };
  return peer;
}

/** Waits until `holds`, or throws what was waited for. */
export async function until(what: string, holds: () => boolean, msMax = 10_000): Promise<void> {
  const endMs = performance.now() + msMax;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`waited ${msMax} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
