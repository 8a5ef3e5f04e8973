/** A gateway: WebSocket and HTTP at the edge. It owns sockets and nothing else. */
import { setTimeout as pause } from "node:timers/promises";
import { ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { file_hexhold_accounts_v1_commands } from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import { file_hexhold_accounts_v1_sessions } from "@hexhold/gen/hexhold/accounts/v1/sessions_pb";
import { file_hexhold_chat_v1_commands } from "@hexhold/gen/hexhold/chat/v1/commands_pb";
import { file_hexhold_chat_v1_moderation } from "@hexhold/gen/hexhold/chat/v1/moderation_pb";
import { file_hexhold_governance_v1_commands } from "@hexhold/gen/hexhold/governance/v1/commands_pb";
import { file_hexhold_inventory_v1_commands } from "@hexhold/gen/hexhold/inventory/v1/commands_pb";
import { file_hexhold_inventory_v1_holds } from "@hexhold/gen/hexhold/inventory/v1/holds_pb";
import { file_hexhold_inventory_v1_takes } from "@hexhold/gen/hexhold/inventory/v1/takes_pb";
import { file_hexhold_inventory_v1_trades } from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import { file_hexhold_market_v1_commands } from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { file_hexhold_market_v1_steps } from "@hexhold/gen/hexhold/market/v1/steps_pb";
import type { IncomingMessage } from "node:http";
import { urlOf } from "@hexhold/config";
import { createMessageRegistry, createRequester, missingOfBus } from "@hexhold/messaging";
import { createContextValues } from "@connectrpc/connect";
import { createRpcHandler } from "@hexhold/rpc";
import {
  loadGame,
  type RunningService,
  type Service,
  type ServicePorts,
  startService,
} from "@hexhold/service";
import { createAccountsClient } from "./accounts/accounts-client.ts";
import { type AccountsWatch, startAccountsWatch } from "./accounts/accounts-watch.ts";
import { createCheckAsker } from "./accounts/check-asker.ts";
import { AuthLimits } from "./accounts/auth-limits.ts";
import { remoteAddress, routeAuthService } from "./accounts/auth-service.ts";
import { Revocations } from "./accounts/revocations.ts";
import { boundSockets } from "./bound-sockets.ts";
import { Newcomers } from "./admission/newcomers.ts";
import { createClientOf, createTrust, originOf } from "./client-of.ts";
import { closeCode } from "./connection/close-code.ts";
import { Connection } from "./connection/connection.ts";
import { acceptUpgrades } from "./connection/upgrade.ts";
import { startHeartbeat } from "./connection/heartbeat.ts";
import { connectBus } from "./dispatch/connect-bus.ts";
import { Dispatcher } from "./dispatch/dispatcher.ts";
import { Edge } from "./edge.ts";
import type { GatewayConfig } from "./gateway-config.ts";
import { createGatewayMetrics } from "./gateway-metrics.ts";
import { createHttpServer, listen } from "./http-server.ts";
import { inspectSessions } from "./inspect-sessions.ts";
import { Interest } from "./interest/interest.ts";
import { TopicInterest } from "./interest/topic-interest.ts";
import { createKeyRing } from "./session/key-ring.ts";
import { createAnnouncementReader } from "./session/announcement-reader.ts";
import { createSessionAnnouncements } from "./session/session-announcements.ts";
import { startSessionReports } from "./session/session-reports.ts";
import { createTokenCheck } from "./session/token-check.ts";

export { type GatewayConfig, gatewayConfigSchema } from "./gateway-config.ts";
export { gatewaySection } from "./gateway-section.ts";

/** A stop waits so long for answers; what has none by then is UNKNOWN_OUTCOME. */
const drainMsMax = 3000;
const drainLookMs = 10;
/** Sockets for HTTP, of an address and in all, to those of WebSockets without a session: browsers keep several open. */
const httpFactor = 5;
/** Bytes of a call of AuthService: the longest has a token of 4 KiB and a hundred ids as text. */
const authBytesMax = 16 * 1024;

/** Commands of domain services: those that players may send, and those of which they are told that they may not. */
const domainDescriptors = [
  file_hexhold_accounts_v1_commands,
  file_hexhold_accounts_v1_sessions,
  file_hexhold_chat_v1_commands,
  file_hexhold_chat_v1_moderation,
  file_hexhold_governance_v1_commands,
  file_hexhold_inventory_v1_commands,
  file_hexhold_inventory_v1_holds,
  file_hexhold_inventory_v1_takes,
  file_hexhold_inventory_v1_trades,
  file_hexhold_market_v1_commands,
  file_hexhold_market_v1_steps,
];

export interface RunningGateway extends RunningService {
  /** `ws://host:port`. */
  readonly wsUrl: string;
  readonly httpUrl: string;
}

/**
 * Starts a gateway, whose stop takes nothing more, answers what it has taken and closes every connection with 1012.
 * Rejects when its port, its keys or its game cannot be used, or no router takes it.
 */
export async function start(config: GatewayConfig, ports: ServicePorts): Promise<RunningGateway> {
  const { instance, version, controlPort, controlToken, host } = config;
  let port = 0;
  const running = await startService(
    {
      name: "gateway",
      instance,
      version,
      host: config.controlHost,
      controlPort,
      controlToken,
      ports,
    },
    async (service) => {
      port = await begin(config, ports, service);
    },
  );
  return { ...running, wsUrl: urlOf("ws", host, port), httpUrl: urlOf("http", host, port) };
}

/** Resolves with the port of the edge. */
async function begin(
  config: GatewayConfig,
  ports: ServicePorts,
  service: Service,
): Promise<number> {
  const { logger, bus } = ports;
  const { incarnation, unwind } = service;
  const metrics = createGatewayMetrics(ports.metrics);
  const game = await loadGame({ module: config.game.module, options: config.game.options });
  const keys = createKeyRing(config.tokenKeys, () => accounts.askKeys());
  const revocations = new Revocations();
  const dispatcher = new Dispatcher({ bus, logger, metrics });
  unwind.add("dispatcher", () => dispatcher.stop());
  let isStopping = false;
  const missingBesideBus = (): string[] => [
    ...(dispatcher.ready ? [] : ["routes: none of this connection to the broker yet"]),
    ...(isStopping ? ["it is stopping"] : []),
  ];
  await service.serve({
    missing: missingBesideBus,
    inspect: () => ({
      sockets: edge.connections.size,
      pending: dispatcher.pendingCount,
      ready: dispatcher.ready,
      bus: bus.state.mode,
    }),
    inspectSessions: ({ accountId }) => inspectSessions(edge, accountId),
  });
  const membership = await service.join({
    kind: ProcessKind.GATEWAY,
    worldFormat: game.worldFormat,
    game,
    tellsConnections: false,
  });
  const worldNow = (): number => membership.worldNow();
  const edge = new Edge({
    config,
    registry: createMessageRegistry([...new Set([...game.descriptors, ...domainDescriptors])]),
    checkToken: createTokenCheck(keys, worldNow),
    revocations,
    worldNow,
    dispatcher,
    metrics,
    onSession(session) {
      sessions.begun(session);
      reports.begun(session);
    },
    onSessionEnded: (session) => reports.ended(session),
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
  });
  const interest = new Interest({
    observe: (key) => edge.observe(key),
    view: edge.view,
    onSeen: (key, envelope) => edge.residences.seen(key, envelope, worldNow()),
    onAnnouncement: createAnnouncementReader({
      takers: [
        (envelope) => sessions.onAnnouncement(envelope),
        (envelope) => accounts.onAnnouncement(envelope),
      ],
      onForged: (publisher) => metrics.forged.inc({ publisher }),
      logger,
    }),
    onLost: () => topics.lost("lost"),
    logger,
    metrics,
  });
  const topics = new TopicInterest({ logger, metrics });
  edge.interest = interest;
  edge.topics = topics;
  unwind.add("topics", () => topics.stop());
  unwind.add("interest", () => interest.stop());
  unwind.add("announcements of sessions", () => sessions.stop());
  const requester = createRequester({ bus, name: `gw.${config.instance}.requests` });
  unwind.add("requests", () => requester.close());
  const { instance, version } = config;
  const client = createAccountsClient({ requester, worldNow, instance, version });
  const reports = startSessionReports({
    report: (report) => client.reportSessions(report),
    instance,
    incarnation,
    held: () => edge.sessions,
    logger,
  });
  unwind.add("reports of sessions", () => reports.stop());
  const accounts: AccountsWatch = startAccountsWatch({
    client,
    keys,
    revocations,
    worldNow,
    onBanned: (account) => edge.banned(account),
    onLoggedOut: (login) => edge.loggedOut(login),
    logger,
  });
  unwind.add("accounts", () => accounts.stop());
  const disconnectBus = connectBus({
    instance: config.instance,
    bus,
    membership,
    dispatcher,
    interest,
    topics,
    onReady: () => {
      accounts.wake();
      sessions.tellAll();
      reports.wake();
    },
    logger,
  });
  unwind.add("bus", disconnectBus);
  const limits = new AuthLimits({
    perAddressPerMin: config.authPerAddressPerMin,
    perNamePerMin: config.authPerNamePerMin,
    asksPerAccountPerMin: config.asksPerAccountPerMin,
  });
  const checkAsker = createCheckAsker({
    checkToken: edge.checkToken,
    revocations,
    newcomers: edge.newcomers,
    limits,
    worldNow,
  });

  const isTrusted = createTrust(config.trustedProxies);
  const clientOf = createClientOf(isTrusted);
  const allowedOrigins = new Set(config.allowedOrigins.map((text) => originOf(text)));
  const isAllowedOrigin = (origin: string): boolean => {
    const known = originOf(origin);
    return known !== undefined && allowedOrigins.has(known);
  };

  const http = createHttpServer({
    rpc: createRpcHandler({
      routes: (router) => routeAuthService(router, { client, limits, checkAsker, metrics }),
      logger,
      messageBytesMax: authBytesMax,
      contextValues: (request) =>
        createContextValues().set(remoteAddress, clientOf(request as IncomingMessage).address),
    }),
    isAllowedOrigin,
    webRoot: config.webRoot,
    missing: () => [...missingOfBus(bus), ...missingBesideBus()],
  });
  const sockets = new Newcomers({
    ...config,
    newcomersMax: config.newcomersMax * httpFactor,
    newcomersPerAddressMax: config.newcomersPerAddressMax * httpFactor,
  });
  boundSockets(http, sockets, isTrusted);
  acceptUpgrades(http, {
    frameBytesMax: config.frameBytesMax,
    refusalOf(request) {
      const { origin } = request.headers;
      const { address, ownOrigin } = clientOf(request);
      const isOwn = origin === undefined || (ownOrigin ?? "") === originOf(origin);
      if (!isOwn && !isAllowedOrigin(origin)) return "403 Forbidden";
      if (edge.connections.size >= config.socketsMax) return "503 Service Unavailable";
      return edge.newcomers.isFull(address) ? "429 Too Many Requests" : undefined;
    },
    opened: (webSocket, stream, request) =>
      edge.opened(new Connection(webSocket, stream, edge, clientOf(request).address)),
  });
  const stopHeartbeat = startHeartbeat(edge.connections);
  /** Nothing more is taken, what was taken is answered, and every connection hears why it ends. */
  unwind.add("players", async () => {
    http.close();
    // A connection that is drained is not listened to.
    stopHeartbeat();
    for (const connection of edge.connections) connection.drain();
    const untilMs = performance.now() + drainMsMax;
    while (dispatcher.pendingCount > 0 && performance.now() < untilMs) {
      await pause(drainLookMs);
    }
    await dispatcher.stop();
    for (const connection of edge.connections) {
      connection.close(closeCode.restarting, "the gateway stops");
    }
    http.closeAllConnections();
  });
  const port = await listen(http, config.host, config.port);
  unwind.add("readiness", () => (isStopping = true));
  return port;
}
