/** From an HTTP request to a WebSocket, or to a status that says why not. */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";

/** Subprotocol of the client's frames. */
const subprotocol = "hexhold.v1";
/** A peer that does not take its refusal is cut off. */
const refusalMsMax = 2000;
/** For those that are refused because too many are there. */
const retryAfterS = 5;
/** Pieces that a frame may come in, by TCP and by WebSocket: each costs an object, however small it is. */
const chunksMax = 64;
const fragmentsMax = 4;

export interface UpgradeOptions {
  /** Bytes of a frame. */
  readonly frameBytesMax: number;
  /** Undefined: it may connect. Else the status line's code and text. */
  readonly refusalOf: (request: IncomingMessage) => string | undefined;
  readonly opened: (webSocket: WebSocket, stream: Duplex, request: IncomingMessage) => void;
}

/** Makes WebSockets of the upgrades of an HTTP server. */
export function acceptUpgrades(server: Server, options: UpgradeOptions): void {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: options.frameBytesMax,
    perMessageDeflate: false,
    clientTracking: false,
    // Answered from the account's budget, and held to what waits.
    autoPong: false,
    maxBufferedChunks: chunksMax,
    maxFragments: fragmentsMax,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
  sockets.on("error", () => undefined);
  server.on("upgrade", (request, socket, head) => {
    // From here on the HTTP server listens no more: a reset that nobody hears ends the process.
    socket.on("error", () => socket.destroy());
    const refusal = offersProtocol(request) ? options.refusalOf(request) : "400 Bad Request";
    if (refusal !== undefined) {
      refuse(socket, refusal);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      options.opened(webSocket, socket, request);
    });
  });
}

function offersProtocol({ headers }: IncomingMessage): boolean {
  return (headers["sec-websocket-protocol"] ?? "").split(/, */).includes(subprotocol);
}

function refuse(socket: Duplex, status: string): void {
  socket.once("finish", () => socket.destroy());
  setTimeout(() => socket.destroy(), refusalMsMax).unref();
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\nretry-after: ${retryAfterS}\r\n\r\n`,
  );
}
