import { setTimeout as sleep } from "node:timers/promises";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  type ConnectRouterOptions,
  createConnectRouter,
} from "@connectrpc/connect";
import { urlOf } from "@hexhold/config";
import type { Logger, Metrics } from "@hexhold/telemetry";
import { type RpcChannel, openMemoryChannel } from "../client/channel.ts";
import { bearerGate } from "./bearer.ts";
import { routeHealth } from "./health.ts";
import {
  type ListenerLimits,
  type RpcRequest,
  type RpcResponse,
  defaultListenerLimits,
  listen,
} from "./listener.ts";
import { routeReflection } from "./reflection.ts";
import { createRequestHandler } from "./request-handler.ts";
import { rpcInterceptors, rpcReading } from "./rpc-handler.ts";

export interface RpcServerLimits extends ListenerLimits {
  /** Bytes of one message, either way; a larger one is RESOURCE_EXHAUSTED. */
  readonly messageBytesMax: number;
}

export const defaultRpcServerLimits: RpcServerLimits = {
  ...defaultListenerLimits,
  messageBytesMax: 4 * 1024 * 1024,
};

export interface RpcServerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0 = any free one. */
  readonly port: number;
  /** When `port` is taken: try it again for so long first, in milliseconds (default 0). */
  readonly portWaitMs?: number;
  /** Registers services and nothing else: called once for the port and once for `channel`. */
  readonly routes: (router: ConnectRouter) => void;
  /** Bearer token that every call but health must carry; undefined = open. */
  readonly token?: string;
  readonly logger: Logger;
  /** Served at `GET /metrics`, without a token like health. */
  readonly metrics?: Metrics;
  /**
   * What it lacks to serve, in words: `the broker: ECONNREFUSED`. For health and `GET /readyz` (default: nothing).
   * `GET /healthz` is 200 as long as the process answers.
   */
  readonly missing?: () => readonly string[];
  /** Answers what is neither RPC nor `/healthz`, `/readyz` or `/metrics`; default 404. */
  readonly httpHandler?: (request: RpcRequest, response: RpcResponse) => void;
  readonly limits?: Partial<RpcServerLimits>;
}

export interface RpcServer {
  /** `http://127.0.0.1:7601` */
  readonly url: string;
  readonly port: number;
  /** The same services inside this process, without a token. */
  readonly channel: RpcChannel;
  /**
   * Ends streams with UNAVAILABLE, lets unary calls end within `graceMs` (default 2000), then closes
   * everything. Idempotent.
   */
  stop(graceMs?: number): Promise<void>;
}

/**
 * Serves Connect, gRPC and gRPC-web on one port over HTTP/1.1 and h2c, with health, reflection
 * v1 + v1alpha, validation by the rules in the .proto files and a bearer token.
 * Rejects with a message that says what to do when the port cannot be had.
 */
export async function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const host = options.host ?? "127.0.0.1";
  const limits: RpcServerLimits = { ...defaultRpcServerLimits, ...options.limits };
  const shutdown = new AbortController();
  let stopped: Promise<void> | undefined;
  const missing = (): readonly string[] =>
    stopped === undefined ? (options.missing?.() ?? []) : ["it is stopping"];
  const ready = (): boolean => missing().length === 0;
  const shared: ConnectRouterOptions = {
    ...rpcReading,
    interceptors: rpcInterceptors(options.logger),
    shutdownSignal: shutdown.signal,
    readMaxBytes: limits.messageBytesMax,
    writeMaxBytes: limits.messageBytesMax,
  };
  const router = createConnectRouter(
    options.token === undefined ? shared : { ...shared, requestGate: bearerGate(options.token) },
  );
  options.routes(router);
  routeHealth(router, ready);
  routeReflection(router);
  const onRequest = createRequestHandler({
    router,
    missing,
    metrics: options.metrics,
    logger: options.logger,
    messageBytesMax: limits.messageBytesMax,
    httpHandler: options.httpHandler,
  });
  const listener = await listenFrom({ ...options, host, limits }, onRequest);
  const channel = openMemoryChannel((memory) => {
    options.routes(memory);
    routeHealth(memory, ready);
  }, shared);

  return {
    url: urlOf("http", host, listener.port),
    port: listener.port,
    channel,
    stop(graceMs = 2_000) {
      stopped ??= (async () => {
        shutdown.abort(new ConnectError("the server is stopping", Code.Unavailable));
        await listener.stop(graceMs);
        channel.close();
      })();
      return stopped;
    },
  };
}

const portRetryMs = 50;

async function listenFrom(
  options: {
    readonly host: string;
    readonly port: number;
    readonly portWaitMs?: number;
    readonly limits: ListenerLimits;
  },
  onRequest: (request: RpcRequest, response: RpcResponse) => void,
): ReturnType<typeof listen> {
  const { host, limits } = options;
  const waitUntilMs = performance.now() + (options.portWaitMs ?? 0);
  const { port } = options;
  for (;;) {
    try {
      return await listen({ host, port, limits }, onRequest);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "EADDRINUSE" && performance.now() < waitUntilMs) {
        await sleep(portRetryMs);
        continue;
      }
      throw new Error(
        code === "EADDRINUSE"
          ? `port ${port} of ${host} is taken: stop what listens there, or choose another port (0 = any)`
          : `cannot listen on ${host}:${port} (${code ?? "unknown error"}): check the address and the port`,
        { cause: error },
      );
    }
  }
}
