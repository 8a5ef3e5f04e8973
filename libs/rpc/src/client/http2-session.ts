import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionRequestOptions,
  type OutgoingHttpHeaders,
  connect as connectHttp2,
  constants,
} from "node:http2";
import { connect as connectSocket } from "node:net";
import { hostOf } from "@hexhold/config";
import { Code, ConnectError } from "@connectrpc/connect";

export interface Http2SessionOptions {
  /** Between pings, whether calls are open or not. */
  readonly pingIntervalMs: number;
  /** For a connection to be made, and for a ping to be answered. */
  readonly timeoutMs: number;
}

/** The HTTP/2 connection under a transport of connect-node. */
export interface Http2Sessions {
  readonly authority: string;
  /** A stream on the connection, which is made when there is none. Rejects with a ConnectError. */
  request(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    options: Omit<ClientSessionRequestOptions, "signal">,
  ): Promise<ClientHttp2Stream>;
  /** Of no use here: pings alone tell whether the peer lives. */
  notifyResponseByteRead(): void;
  /** Ends the connection and what runs on it. */
  close(reason: ConnectError): void;
}

/**
 * At most one connection to `url` at a time:
 *
 * - *none*: the next request makes one;
 * - *connecting*: requests wait for it, `timeoutMs` at most; fails to *none*;
 * - *open*: pinged every `pingIntervalMs`; its end, a GOAWAY, a ping without an answer lead to *none*
 *   (after a GOAWAY its streams may end in peace).
 *
 * In place of connect-node's own, whose pings end the process when the peer is silent
 * (https://github.com/connectrpc/connect-es/issues/1795 and, tried, its time-out as well).
 */
export function createHttp2Sessions(url: string, options: Http2SessionOptions): Http2Sessions {
  let current: Promise<ClientHttp2Session> | undefined;
  const open = new Set<ClientHttp2Session>();

  function usable(): Promise<ClientHttp2Session> {
    if (current !== undefined) return current;
    const session = connectHttp2(url, { createConnection: (authority) => socketTo(authority) });
    open.add(session);
    // A session without this listener ends the process with its first error.
    session.on("error", () => undefined);
    session.unref();
    const drop = (): void => {
      if (current === connecting) current = undefined;
    };
    session.once("goaway", drop);
    session.once("close", () => {
      drop();
      open.delete(session);
    });
    const connecting = new Promise<ClientHttp2Session>((resolve, reject) => {
      const timer = setTimeout(() => session.destroy(lost("no connection")), options.timeoutMs);
      session.once("connect", () => {
        clearTimeout(timer);
        keepPinging(session, options);
        resolve(session);
      });
      session.once("error", (error) => {
        clearTimeout(timer);
        drop();
        reject(error instanceof ConnectError ? error : lost(error.message, error));
      });
      session.once("close", () => reject(lost("the connection was closed")));
    });
    current = connecting;
    return connecting;
  }

  function lost(what: string, cause?: unknown): ConnectError {
    return new ConnectError(`${url}: ${what}`, Code.Unavailable, undefined, undefined, cause);
  }

  return {
    authority: new URL(url).origin,
    async request(method, path, headers, requestOptions) {
      for (;;) {
        const session = await usable();
        // It may have ended between the two: the next one is another.
        if (session.closed || session.destroyed) {
          current = undefined;
          continue;
        }
        const stream = session.request(
          { ...headers, ":method": method, ":path": path },
          requestOptions,
        );
        stream.on("error", () => undefined);
        holdProcess(session, stream);
        return stream;
      }
    },
    notifyResponseByteRead: () => undefined,
    close(reason) {
      current = undefined;
      for (const session of open) session.destroy(reason, constants.NGHTTP2_CANCEL);
    },
  };
}

/** Open streams keep the process alive, an idle connection does not. */
const streamCounts = new WeakMap<ClientHttp2Session, number>();

function holdProcess(session: ClientHttp2Session, stream: ClientHttp2Stream): void {
  const count = (streamCounts.get(session) ?? 0) + 1;
  streamCounts.set(session, count);
  if (count === 1) session.ref();
  stream.once("close", () => {
    const left = (streamCounts.get(session) ?? 1) - 1;
    streamCounts.set(session, left);
    if (left === 0 && !session.destroyed) session.unref();
  });
}

function keepPinging(session: ClientHttp2Session, options: Http2SessionOptions): void {
  let answerTimer: NodeJS.Timeout | undefined;
  const intervalTimer = setInterval(() => {
    if (session.destroyed || session.closed || answerTimer !== undefined) return;
    answerTimer = setTimeout(giveUpUnlessAnswered, options.timeoutMs).unref();
    session.ping((error) => {
      if (error !== null) return;
      clearTimeout(answerTimer);
      answerTimer = undefined;
    });
  }, options.pingIntervalMs).unref();

  /** After a stall of this process the timer comes first; the answer may already lie in the socket. */
  function giveUpUnlessAnswered(): void {
    setImmediate(() => {
      if (answerTimer === undefined || session.destroyed) return;
      const reason = `no answer to a ping within ${options.timeoutMs} ms`;
      session.destroy(new ConnectError(reason, Code.Unavailable), constants.NGHTTP2_CANCEL);
    });
  }

  session.once("close", () => {
    clearInterval(intervalTimer);
    clearTimeout(answerTimer);
  });
}

function socketTo(authority: URL) {
  return connectSocket({
    host: hostOf(authority),
    port: Number(authority.port === "" ? 80 : authority.port),
    noDelay: true,
    // The session tells: it listens as soon as it has the socket.
  }).on("error", () => undefined);
}
