import { Code, ConnectError, type ConnectRouter, type ContextValues } from "@connectrpc/connect";
import {
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { Logger, Metrics } from "@hexhold/telemetry";
import type { RpcRequest, RpcResponse } from "./listener.ts";
import { withReadableBody } from "./readable-body.ts";
import { readiness } from "./readiness.ts";

export interface RequestHandlerOptions {
  readonly router: ConnectRouter;
  /** What is missing, in words; empty = ready. */
  readonly missing: () => readonly string[];
  readonly metrics: Metrics | undefined;
  readonly logger: Logger;
  /** Bytes of one message. */
  readonly messageBytesMax: number;
  /** What is none of what is named below; default 404. */
  readonly httpHandler: ((request: RpcRequest, response: RpcResponse) => void) | undefined;
  /** What handlers learn of a request beside its message. */
  readonly contextValues?: ((request: RpcRequest) => ContextValues) | undefined;
}

/**
 * Hands each HTTP request to the RPC of its path, to `/healthz`, `/readyz` or `/metrics`, or to `httpHandler`.
 * In place of connect-node's own adapter, which writes failures to the console and lets a malformed
 * `Host` header end the process.
 */
export function createRequestHandler(
  options: RequestHandlerOptions,
): (request: RpcRequest, response: RpcResponse) => void {
  const { router, logger } = options;
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response) => {
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    const handler = handlers.get(path);
    if (handler === undefined) {
      answerPlain(path, request, response, options).catch((error: unknown) => {
        logger.error({ err: error, path: path.slice(0, 128) }, "an HTTP request failed");
        response.destroy();
      });
      return;
    }
    let universal;
    try {
      universal = universalRequestFromNodeRequest(
        request,
        response,
        undefined,
        options.contextValues?.(request),
      );
    } catch {
      sendText(response, 400, "the Host header or the path is malformed\n");
      return;
    }
    handler(withReadableBody(universal, handler.method, options.messageBytesMax))
      .then((answer) => universalResponseToNodeResponse(answer, response))
      .catch((error: unknown) => {
        const code = ConnectError.from(error).code;
        if (code === Code.Aborted || code === Code.Canceled) return;
        logger.warn({ err: error, rpc: path }, "an RPC could not be answered");
      });
  };
}

async function answerPlain(
  path: string,
  request: RpcRequest,
  response: RpcResponse,
  options: RequestHandlerOptions,
): Promise<void> {
  const reads = request.method === "GET" || request.method === "HEAD";
  if (path === "/healthz" && reads) return sendText(response, 200, "ok\n");
  if (path === "/readyz" && reads) {
    const { status, text } = readiness(options.missing());
    return sendText(response, status, text, "application/json");
  }
  if (path === "/metrics" && reads && options.metrics !== undefined) {
    const text = await options.metrics.metricsText();
    return sendText(response, 200, text, options.metrics.contentType);
  }
  if (options.httpHandler !== undefined) return options.httpHandler(request, response);
  return sendText(response, 404, "not found\n");
}

function sendText(
  response: RpcResponse,
  status: number,
  text: string,
  contentType = "text/plain; charset=utf-8",
): void {
  response.statusCode = status;
  response.setHeader("content-type", contentType);
  response.setHeader("content-length", Buffer.byteLength(text));
  response.end(text);
}
