import { once } from "node:events";
import {
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
  createServer as createHttpServer,
} from "node:http";
import {
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
  constants,
  createServer as createHttp2Server,
} from "node:http2";
import { type AddressInfo, type Socket, createServer as createNetServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { defaultTurnLimits, serveInTurn, type TurnLimits } from "./serve-in-turn.ts";

export type RpcRequest = IncomingMessage | Http2ServerRequest;
export type RpcResponse = ServerResponse | Http2ServerResponse;

/** Of HTTP/2, `responseStallMs` cuts off the stream, not the connection; requests are not pipelined there. */
export interface ListenerLimits extends TurnLimits {
  /** Sockets at a time; more are closed at once. */
  readonly connectionsMax: number;
  /** Streams at a time on one HTTP/2 connection. */
  readonly streamsMax: number;
  /** Bytes of all header lines of a request. */
  readonly headerBytesMax: number;
  /** From the connection to its first bytes, and from them to the end of a request's headers (HTTP/1.1). */
  readonly headerTimeoutMs: number;
  /** From a request's first byte to its last; beyond it, of HTTP/2 only while no answer has begun. */
  readonly requestTimeoutMs: number;
  /** Between two pings of ours on an HTTP/2 connection; no answer until the next one closes it. */
  readonly pingIntervalMs: number;
  /** An HTTP/2 connection without streams is closed after so long. */
  readonly idleTimeoutMs: number;
}

export const defaultListenerLimits: ListenerLimits = {
  ...defaultTurnLimits,
  connectionsMax: 1024,
  streamsMax: 256,
  headerBytesMax: 16 * 1024,
  headerTimeoutMs: 5_000,
  requestTimeoutMs: 30_000,
  pingIntervalMs: 20_000,
  idleTimeoutMs: 10 * 60_000,
};

/** Every HTTP/2 connection begins with `PRI * HTTP/2.0`, which no HTTP/1.1 request does. */
const prefaceStart = "PRI ";

export interface Listener {
  readonly port: number;
  /**
   * Takes no more connections and requests, lets what runs end within `graceMs`, then destroys the rest.
   * Resolves when the port is free and no socket is left.
   */
  stop(graceMs: number): Promise<void>;
}

/** Listens on one port for HTTP/1.1 and HTTP/2 without TLS (h2c), told apart by the first bytes of a connection. */
export async function listen(
  options: { readonly host: string; readonly port: number; readonly limits: ListenerLimits },
  onRequest: (request: RpcRequest, response: RpcResponse) => void,
): Promise<Listener> {
  const { limits } = options;
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  const inFlight = new Set<RpcResponse>();
  let stopping = false;

  const handle = (request: RpcRequest, response: RpcResponse): void => {
    if (stopping) {
      response.statusCode = 503;
      response.end();
      return;
    }
    inFlight.add(response);
    response.once("close", () => inFlight.delete(response));
    onRequest(request, response);
  };
  const http = createHttpServer({
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headerTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.headerTimeoutMs,
    connectionsCheckingInterval: 1_000,
  });
  serveInTurn(http, limits, handle);
  http.on("error", () => undefined);
  const http2 = createHttp2Server(
    {
      settings: {
        maxConcurrentStreams: limits.streamsMax,
        maxHeaderListSize: limits.headerBytesMax,
      },
    },
    (request, response) => {
      request.on("error", () => undefined);
      response.on("error", () => undefined);
      boundStream(request, response, limits);
      handle(request, response);
    },
  );
  http2.on("error", () => undefined);
  http2.on("session", (session) => keepSession(session, sessions, limits));
  const server = createNetServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => void sockets.delete(socket));
    chooseProtocol(socket, http, http2, limits.headerTimeoutMs);
  });
  // A failure to listen rejects below; an accept that fails later is over with that one peer.
  server.on("error", () => undefined);
  server.maxConnections = limits.connectionsMax;
  server.listen(options.port, options.host);
  await once(server, "listening");
  // `http` never listens itself; this starts its check of header and request time-outs.
  http.emit("listening");

  return {
    port: (server.address() as AddressInfo).port,
    async stop(graceMs) {
      stopping = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const deadline = performance.now() + graceMs;
      const waiting = (): boolean => performance.now() < deadline;
      for (const session of sessions) session.close();
      http.closeIdleConnections();
      while (inFlight.size > 0 && waiting()) await sleep(5);
      for (const socket of sockets) if (!isHttp2(socket, sessions)) socket.destroySoon();
      while (sockets.size > 0 && waiting()) await sleep(5);
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
      http.close();
      http2.close();
      await closed;
    },
  };
}

/** Ends a stream whose request does not end, or whose peer takes nothing of the answer. */
function boundStream(
  request: Http2ServerRequest,
  response: Http2ServerResponse,
  limits: ListenerLimits,
): void {
  const { stream } = response;
  const timer = setTimeout(() => {
    if (!request.complete && !response.headersSent) stream.close(constants.NGHTTP2_CANCEL);
  }, limits.requestTimeoutMs).unref();
  stream.once("close", () => clearTimeout(timer));
  // Restarted by each write that makes progress. With nothing to write, a handler is at work, or a watch is quiet.
  stream.setTimeout(limits.responseStallMs);
  stream.on("timeout", () => {
    if (stream.writableLength > 0) stream.close(constants.NGHTTP2_CANCEL);
  });
}

function isHttp2(socket: Socket, sessions: ReadonlySet<ServerHttp2Session>): boolean {
  for (const session of sessions) if (!session.destroyed && session.socket === socket) return true;
  return false;
}

function chooseProtocol(
  socket: Socket,
  http: HttpServer,
  http2: Http2Server,
  timeoutMs: number,
): void {
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  socket.once("close", () => clearTimeout(timer));
  // Whoever takes the socket over listens too; without one, a reset before that would end the process.
  socket.on("error", () => socket.destroy());
  let seen = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    seen = Buffer.concat([seen, chunk]);
    const start = seen.toString("latin1", 0, prefaceStart.length);
    if (seen.length < prefaceStart.length && prefaceStart.startsWith(start)) return;
    clearTimeout(timer);
    socket.off("data", onData);
    socket.pause();
    socket.unshift(seen);
    if (start === prefaceStart) {
      http2.emit("connection", socket);
    } else {
      http.emit("connection", socket);
      socket.resume();
    }
  };
  socket.on("data", onData);
}

/** Closes the session of a peer that is gone without a word, and one that nobody has used for long. */
function keepSession(
  session: ServerHttp2Session,
  sessions: Set<ServerHttp2Session>,
  limits: ListenerLimits,
): void {
  sessions.add(session);
  let streams = 0;
  let lastUsedMs = performance.now();
  let unanswered = false;
  const timer = setInterval(() => {
    const idle = streams === 0 && performance.now() - lastUsedMs > limits.idleTimeoutMs;
    if (idle) {
      session.close();
    } else if (unanswered) {
      session.destroy();
    } else {
      unanswered = true;
      session.ping((error) => {
        if (error === null) unanswered = false;
      });
    }
  }, limits.pingIntervalMs).unref();
  session.on("stream", (stream) => {
    streams++;
    stream.on("error", () => undefined);
    stream.once("close", () => {
      streams--;
      lastUsedMs = performance.now();
    });
  });
  session.on("error", () => session.destroy());
  session.once("close", () => {
    clearInterval(timer);
    sessions.delete(session);
  });
}
