/** A gateway: WebSocket and HTTP at the edge. It owns sockets and nothing else. */
import { setTimeout as pause } from "node:timers/promises";
import { ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { file_hexhold_inventory_v1_commands } from "@hexhold/gen/hexhold/inventory/v1/commands_pb";
import type { CreateGame } from "@hexhold/actor";
import {
  type Bus,
  createMessageRegistry,
  createRequester,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { createContextValues } from "@connectrpc/connect";
import {
  createRpcHandler,
  joinCluster,
  type JoinOptions,
  routeProcessService,
  startRpcServer,
} from "@hexhold/rpc";
import type { Logger, Metrics } from "@hexhold/telemetry";
import { WebSocketServer } from "ws";
import { createAccountsClient } from "./accounts/accounts-client.ts";
import { type AccountsWatch, startAccountsWatch } from "./accounts/accounts-watch.ts";
import { AuthLimits } from "./accounts/auth-limits.ts";
import { remoteAddress, routeAuthService } from "./accounts/auth-service.ts";
import { Revocations } from "./accounts/revocations.ts";
import { closeCode } from "./connection/close-code.ts";
import { Connection } from "./connection/connection.ts";
import { startHeartbeat } from "./connection/heartbeat.ts";
import { connectBus } from "./dispatch/connect-bus.ts";
import { Dispatcher } from "./dispatch/dispatcher.ts";
import { Edge } from "./edge.ts";
import type { GatewayConfig } from "./gateway-config.ts";
import { createGatewayMetrics } from "./gateway-metrics.ts";
import { createHttpServer, listen } from "./http-server.ts";
import { inspectSessions } from "./inspect-sessions.ts";
import { Interest } from "./interest/interest.ts";
import { createKeyRing } from "./session/key-ring.ts";
import { createSessionAnnouncements } from "./session/session-announcements.ts";
import { createTokenCheck } from "./session/token-check.ts";

export { type GatewayConfig, gatewayConfigSchema } from "./gateway-config.ts";
export { gatewaySection } from "./gateway-section.ts";

/** A stop waits so long for answers; what has none by then is UNKNOWN_OUTCOME. */
const drainMsMax = 3000;
const drainLookMs = 10;
/** Subprotocol of the client's frames. */
const subprotocol = "hexhold.v1";
/** Bytes of a call of AuthService: its fields are far shorter. */
const authBytesMax = 8 * 1024;

/** Commands of domain services that players may send. */
const domainDescriptors = [file_hexhold_inventory_v1_commands];

/** What the composition root gives a gateway. The bus is closed by its giver. */
export interface GatewayPorts {
  readonly bus: Bus;
  readonly routers: JoinOptions["routers"];
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface RunningGateway {
  /** `ws://host:port`. */
  readonly wsUrl: string;
  readonly httpUrl: string;
  readonly controlUrl: string;
  /** Takes nothing more, answers what it has taken, closes every connection with 1012 and ends. Idempotent. */
  stop(): Promise<void>;
}

/** Starts a gateway. Rejects when its port, its keys or its game cannot be used, or no router takes it. */
export async function start(config: GatewayConfig, ports: GatewayPorts): Promise<RunningGateway> {
  const { logger, bus } = ports;
  const incarnation = uuidText(uuidv7Bytes());
  const metrics = createGatewayMetrics(ports.metrics);
  const { createGame } = (await import(config.game.module)) as { createGame: CreateGame };
  const game = createGame(config.game.options);
  const keys = createKeyRing(config.tokenKeys, () => accounts.askKeys());
  const revocations = new Revocations();
  const dispatcher = new Dispatcher({ bus, logger, metrics });
  const control = await startRpcServer({
    host: config.controlHost,
    port: config.controlPort,
    logger,
    ...(config.controlToken === undefined ? {} : { token: config.controlToken }),
    metrics: ports.metrics,
    routes: (router) =>
      routeProcessService(router, {
        instance: config.instance,
        incarnation,
        version: config.version,
        inspect: () => ({
          sockets: edge.connections.size,
          pending: dispatcher.pendingCount,
          ready: dispatcher.ready,
          bus: bus.state.mode,
        }),
        inspectSessions: ({ accountId }) => inspectSessions(edge, accountId),
      }),
  });
  const membership = await joinCluster({
    routers: ports.routers,
    ...(config.controlToken === undefined ? {} : { token: config.controlToken }),
    instance: config.instance,
    kind: ProcessKind.GATEWAY,
    controlUrl: control.url,
    incarnation,
    version: config.version,
    worldFormat: game.worldFormat,
    amqpConnections: bus.connectionNames(),
    logger,
  });
  const worldNow = (): number => membership.worldNow();
  const edge = new Edge({
    config,
    registry: createMessageRegistry([...game.descriptors, ...domainDescriptors]),
    checkToken: createTokenCheck(keys),
    revocations,
    worldNow,
    dispatcher,
    metrics,
    onSession: (session) => sessions.begun(session),
    logger,
  });
  const sessions = createSessionAnnouncements({
    bus,
    instance: config.instance,
    version: config.version,
    incarnation,
    worldNow,
    held: () => edge.sessions,
    onBegun: (account, sessionId) => edge.begunElsewhere(account, sessionId),
    logger,
  });
  const interest = new Interest({
    observe: (key) => edge.observe(key),
    onAnnouncement: (envelope) => {
      if (!sessions.onAnnouncement(envelope)) accounts.onAnnouncement(envelope);
    },
    logger,
    metrics,
  });
  edge.interest = interest;
  const requester = createRequester({ bus, name: `gw.${config.instance}.requests` });
  const { instance, version } = config;
  const client = createAccountsClient({ requester, worldNow, instance, version });
  const accounts: AccountsWatch = startAccountsWatch({
    client,
    keys,
    revocations,
    worldNow,
    onBanned: (account) => edge.banned(account),
    onLoggedOut: (login) => edge.loggedOut(login),
    logger,
  });
  const disconnectBus = connectBus({
    instance: config.instance,
    bus,
    membership,
    dispatcher,
    interest,
    onReady: () => {
      accounts.wake();
      sessions.tellAll();
    },
    logger,
  });
  const limits = new AuthLimits({
    perAddressPerMin: config.authPerAddressPerMin,
    perNamePerMin: config.authPerNamePerMin,
  });

  const http = createHttpServer({
    rpc: createRpcHandler({
      routes: (router) => routeAuthService(router, { client, limits, metrics }),
      logger,
      messageBytesMax: authBytesMax,
      contextValues: (request) =>
        createContextValues().set(remoteAddress, request.socket.remoteAddress ?? ""),
    }),
    webRoot: config.webRoot,
    isHealthy: () => dispatcher.ready && stopping === undefined,
  });
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: config.frameBytesMax,
    perMessageDeflate: false,
    clientTracking: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
  http.on("upgrade", (request, socket, head) => {
    const refuse = (status: string): void =>
      void socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n`);
    const { origin } = request.headers;
    const own = `http://${request.headers.host ?? ""}`;
    if (origin !== undefined && origin !== own && !config.allowedOrigins.includes(origin)) {
      refuse("403 Forbidden");
    } else if (edge.connections.size >= config.socketsMax) {
      refuse("503 Service Unavailable");
    } else if (
      !(request.headers["sec-websocket-protocol"] ?? "").split(/, */).includes(subprotocol)
    ) {
      refuse("400 Bad Request");
    } else {
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        edge.opened(new Connection(webSocket, socket, edge));
      });
    }
  });
  const port = await listen(http, config.host, config.port);
  logger.info({ port, incarnation, controlUrl: control.url }, "gateway started");

  const stopHeartbeat = startHeartbeat(edge.connections);
  let stopping: Promise<void> | undefined;
  /** Waits for the answers to what was taken. */
  const drain = async (): Promise<void> => {
    for (const connection of edge.connections) connection.drain();
    const untilMs = performance.now() + drainMsMax;
    while (dispatcher.pendingCount > 0 && performance.now() < untilMs) {
      await pause(drainLookMs);
    }
  };
  const stop = async (): Promise<void> => {
    http.close();
    // A connection that is drained is not listened to.
    stopHeartbeat();
    await drain();
    await dispatcher.stop();
    for (const connection of edge.connections)
      connection.close(closeCode.restarting, "the gateway stops");
    http.closeAllConnections();
    interest.stop();
    accounts.stop();
    sessions.stop();
    requester.close();
    disconnectBus();
    await membership.stop();
    await control.stop();
    logger.info("gateway stopped");
  };
  return {
    wsUrl: `ws://${config.host}:${port}`,
    httpUrl: `http://${config.host}:${port}`,
    controlUrl: control.url,
    stop: () => (stopping ??= stop()),
  };
}
