import { createValidator } from "@bufbuild/protovalidate";
import {
  ConnectError,
  type ConnectRouter,
  type ConnectRouterOptions,
  type ContextValues,
  createConnectRouter,
  type Interceptor,
} from "@connectrpc/connect";
import { createValidateInterceptor } from "@connectrpc/validate";
import type { Logger } from "@hexhold/telemetry";
import type { RpcRequest, RpcResponse } from "./listener.ts";
import { createRequestHandler } from "./request-handler.ts";

export interface RpcHandlerOptions {
  readonly routes: (router: ConnectRouter) => void;
  readonly logger: Logger;
  /** Bytes of one message, either way; a larger one is RESOURCE_EXHAUSTED. */
  readonly messageBytesMax: number;
  /** What handlers learn of a request beside its message. */
  readonly contextValues?: (request: RpcRequest) => ContextValues;
}

/**
 * Serves Connect, gRPC-web and gRPC on a server of the caller's, with validation by the rules in the .proto files.
 * Returns false for a request that is no RPC of these routes, and leaves it alone.
 */
export function createRpcHandler(
  options: RpcHandlerOptions,
): (request: RpcRequest, response: RpcResponse) => boolean {
  const { logger, messageBytesMax } = options;
  const router = createConnectRouter({
    ...rpcReading,
    interceptors: rpcInterceptors(logger),
    readMaxBytes: messageBytesMax,
    writeMaxBytes: messageBytesMax,
  } satisfies ConnectRouterOptions);
  options.routes(router);
  const paths = new Set(router.handlers.map(({ requestPath }) => requestPath));
  const handle = createRequestHandler({
    router,
    missing: () => [],
    metrics: undefined,
    logger,
    messageBytesMax,
    httpHandler: undefined,
    contextValues: options.contextValues,
  });
  return (request, response) => {
    if (!paths.has((request.url ?? "").split("?", 1)[0] ?? "")) return false;
    handle(request, response);
    return true;
  };
}

/**
 * How every server of ours reads: no compression, which nobody uses and a small body may hide a large one in; and
 * bytes that are no UTF-8 are a fault of JSON, where a replaced character would let another password pass.
 */
export const rpcReading: Pick<ConnectRouterOptions, "acceptCompression" | "jsonOptions"> = {
  acceptCompression: [],
  jsonOptions: { textDecoder: new TextDecoder("utf-8", { fatal: true }) } as NonNullable<
    ConnectRouterOptions["jsonOptions"]
  >,
};

/** Compiling the rules is the dear part: once for all servers of a process. */
const validator = createValidator();

/** What every server of ours does with every call. */
export function rpcInterceptors(logger: Logger): Interceptor[] {
  return [logFailures(logger), createValidateInterceptor({ validator })];
}

/** Errors that no handler meant: logged with their stack here, once; the wire says INTERNAL and no more. */
function logFailures(logger: Logger): Interceptor {
  return (next) => async (request) => {
    try {
      return await next(request);
    } catch (error) {
      if (!(error instanceof ConnectError)) {
        logger.error({ err: error, rpc: request.url }, "an RPC failed");
      }
      throw error;
    }
  };
}
