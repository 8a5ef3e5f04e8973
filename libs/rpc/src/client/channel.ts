import type { DescService } from "@bufbuild/protobuf";
import {
  type Client,
  Code,
  ConnectError,
  type ConnectRouter,
  type ConnectRouterOptions,
  type Interceptor,
  type Transport,
  createClient,
  createRouterTransport,
} from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { createHttp2Sessions } from "./http2-session.ts";

/** A way to a server: over HTTP/2, or inside this process. The caller need not know which. */
export interface RpcChannel {
  /** The URL, or `memory`. For messages. */
  readonly target: string;
  client<Service extends DescService>(service: Service): Client<Service>;
  /** Ends every call with CANCELED and closes the connection. Idempotent; a later call fails. */
  close(): void;
}

export interface ChannelOptions {
  readonly token?: string;
  /** For unary calls that name none (default 5000). Streams have no time-out. */
  readonly callTimeoutMs?: number;
  /** Between pings (default 2000). */
  readonly pingIntervalMs?: number;
  /** A peer that takes no connection or answers no ping within it is gone: all calls end (default 2000). */
  readonly pingTimeoutMs?: number;
  /** Bytes of one message, either way (default 4 MiB). */
  readonly messageBytesMax?: number;
}

const defaultCallTimeoutMs = 5_000;
const defaultMessageBytesMax = 4 * 1024 * 1024;

/**
 * A channel over HTTP/2 without TLS. Connects with the first call and again after a loss; a peer that
 * is frozen or cut off is noticed by pings within 4 s, one that is dead at once.
 */
export function openChannel(url: string, options: ChannelOptions = {}): RpcChannel {
  const sessions = createHttp2Sessions(url, {
    pingIntervalMs: options.pingIntervalMs ?? 2_000,
    timeoutMs: options.pingTimeoutMs ?? 2_000,
  });
  const messageBytesMax = options.messageBytesMax ?? defaultMessageBytesMax;
  const transport = createConnectTransport({
    baseUrl: url,
    httpVersion: "2",
    sessionManager: sessions,
    readMaxBytes: messageBytesMax,
    writeMaxBytes: messageBytesMax,
    acceptCompression: [],
    interceptors: options.token === undefined ? [] : [bearer(options.token)],
  });
  return channelOf(url, transport, options.callTimeoutMs, (reason) => sessions.close(reason));
}

/** A channel to services of this process; requests and responses pass the same encoding and interceptors. */
export function openMemoryChannel(
  routes: (router: ConnectRouter) => void,
  options: ConnectRouterOptions & Pick<ChannelOptions, "callTimeoutMs"> = {},
): RpcChannel {
  const { callTimeoutMs, ...router } = options;
  return channelOf("memory", createRouterTransport(routes, { router }), callTimeoutMs);
}

/** A client with a channel of its own; `close` ends both. */
export function connectClient<Service extends DescService>(
  service: Service,
  url: string,
  options: ChannelOptions = {},
): { readonly client: Client<Service>; readonly close: () => void } {
  const channel = openChannel(url, options);
  return { client: channel.client(service), close: () => channel.close() };
}

function channelOf(
  target: string,
  transport: Transport,
  callTimeoutMs = defaultCallTimeoutMs,
  onClose: (reason: ConnectError) => void = () => undefined,
): RpcChannel {
  const closing = new AbortController();
  const until = (signal: AbortSignal | undefined): AbortSignal =>
    signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);
  const bounded: Transport = {
    unary: (method, signal, timeoutMs, ...rest) =>
      transport.unary(method, until(signal), timeoutMs ?? callTimeoutMs, ...rest),
    stream: (method, signal, timeoutMs, ...rest) =>
      transport.stream(method, until(signal), timeoutMs, ...rest),
  };
  return {
    target,
    client: (service) => createClient(service, bounded),
    close() {
      if (closing.signal.aborted) return;
      const reason = new ConnectError(`the channel to ${target} is closed`, Code.Canceled);
      closing.abort(reason);
      onClose(reason);
    },
  };
}

function bearer(token: string): Interceptor {
  return (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}
