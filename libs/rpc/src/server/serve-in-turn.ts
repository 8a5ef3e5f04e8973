/**
 * HTTP/1.1 one request after the other. Node emits every request of a chunk that it has read, some 1,200 of 64 KiB,
 * whether or not the answers before them have left; whoever handles all of them holds as many files and buffers for
 * a peer that need not read one.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

export interface TurnLimits {
  /** Requests of one connection that wait for the answer before them; with one more it is cut off. */
  readonly pipelinedMax: number;
  /** A connection whose peer takes nothing of an answer for so long is cut off. */
  readonly responseStallMs: number;
}

/** No browser and no usual library pipelines; 30 s is what a slow reader of views is given as well. */
export const defaultTurnLimits: TurnLimits = { pipelinedMax: 16, responseStallMs: 30_000 };

interface Request {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Hands the requests of `server` to `onRequest`, of each connection one at a time and in their order: the next one
 * when the answer before it has been written, or given up. Errors of request and response are heard.
 *
 * Sets the server's `timeout`; its timer is restarted by each write that makes progress. A handler may take longer
 * than that to begin its answer.
 */
export function serveInTurn(
  server: Server,
  limits: TurnLimits,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): void {
  /** Of each connection with a request in hand: those that wait. */
  const waiting = new WeakMap<Socket, Request[]>();

  const serve = (socket: Socket, { request, response }: Request): void => {
    onRequest(request, response);
    // Behind the handler's own listeners.
    response.once("close", () => {
      const next = waiting.get(socket)?.shift();
      if (next === undefined || socket.destroyed) waiting.delete(socket);
      else serve(socket, next);
    });
  };
  server.on("request", (request, response) => {
    // A peer may end either at any moment; what runs notices by `close`.
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    const { socket } = request;
    // Cut off: Node still emits the rest of the chunk.
    if (socket.destroyed) return;
    const others = waiting.get(socket);
    if (others === undefined) {
      waiting.set(socket, []);
      serve(socket, { request, response });
    } else if (others.length < limits.pipelinedMax) {
      others.push({ request, response });
    } else {
      socket.destroy();
    }
  });
  server.timeout = limits.responseStallMs;
  server.on("timeout", (socket) => {
    // Without a request it is idle; with one and nothing to write, its handler is at work.
    if (!waiting.has(socket) || socket.writableLength > 0) socket.destroy();
  });
}
