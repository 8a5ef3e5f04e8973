/** The inside of a gateway with real sockets, on a bus in memory: no router, no worker, no accounts. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type ClientFrame,
  ClientFrameSchema,
  type ServerFrame,
  ServerFrameSchema,
} from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { file_hexhold_hex_v1_commands } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { AnswerSchema } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { type Key, hexAt } from "@hexhold/hex";
import {
  accountsTopic,
  anyone,
  createMemoryBus,
  createMessageRegistry,
  encodeEnvelope,
  encodeViews,
  type MemoryBroker,
  uuidBytes,
  uuidv7Bytes,
  viewsLostTopic,
} from "@hexhold/messaging";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { WebSocket } from "ws";
import { Revocations } from "./accounts/revocations.ts";
import { Connection, type Session } from "./connection/connection.ts";
import { acceptUpgrades } from "./connection/upgrade.ts";
import { Dispatcher } from "./dispatch/dispatcher.ts";
import { Edge } from "./edge.ts";
import { type GatewayConfig, gatewayConfigSchema } from "./gateway-config.ts";
import { createGatewayMetrics } from "./gateway-metrics.ts";
import { Interest } from "./interest/interest.ts";
import { TopicInterest } from "./interest/topic-interest.ts";
import { createAnnouncementReader } from "./session/announcement-reader.ts";
import { createSessionAnnouncements } from "./session/session-announcements.ts";

/** Where every player of these tests lives. */
export const home: Key = { hexId: hexAt(52.5, 13.4), layerId: 0 };

export interface TestEdge {
  readonly edge: Edge;
  /** Not connected: whoever wants commands to leave connects it and gives it routes. */
  readonly dispatcher: Dispatcher;
  readonly url: string;
  /** What the owner of `home` says next: an event with so many bytes of payload. */
  publishEvent(payloadBytes: number): void;
  /** Tells of all sessions, as after a reconnect and every 30 s. */
  tellAll(): void;
  /** While true, announcements of others are lost. */
  deaf: boolean;
  stop(): Promise<void>;
}

export interface TestEdgeOptions {
  readonly broker: MemoryBroker;
  readonly instance: string;
  readonly slowMsMax?: number;
  /** World time as this gateway sees it. */
  readonly worldNow?: () => number;
  readonly config?: Partial<GatewayConfig>;
  /** A session has begun, or ended. */
  readonly onSession?: (session: Session, held: boolean) => void;
  /** How long a token is checked. Default 0. */
  readonly tokenCheckMs?: number;
}

/** Tokens are the account's id as text. */
export async function startTestEdge(options: TestEdgeOptions): Promise<TestEdge> {
  const { instance, worldNow = () => Date.now() } = options;
  const bus = createMemoryBus(options.broker);
  const logger = createLogger({ service: "gateway", instance, level: "silent" });
  const metrics = createGatewayMetrics(createMetrics());
  const dispatcher = new Dispatcher({ bus, logger, metrics });
  const config = gatewayConfigSchema.parse({
    instance,
    game: { module: "none", options: {} },
    ...options.config,
  });
  const edge: Edge = new Edge({
    config,
    registry: createMessageRegistry([file_hexhold_hex_v1_commands]),
    async checkToken(token) {
      if (options.tokenCheckMs !== undefined) await pause(options.tokenCheckMs);
      return {
        accountId: uuidBytes(token),
        accountText: token,
        residence: home,
        issuedMs: worldNow(),
        expiresMs: worldNow() + 3_600_000,
        loginId: undefined,
      };
    },
    revocations: new Revocations(),
    worldNow,
    dispatcher,
    metrics,
    onSession(session) {
      sessions.begun(session);
      options.onSession?.(session, true);
    },
    onSessionEnded: (session) => options.onSession?.(session, false),
    logger,
  });
  const sessions = createSessionAnnouncements({
    bus,
    instance,
    version: "0",
    incarnation: instance,
    worldNow,
    held: () => edge.sessions,
    onBegun: (account, sessionId) => edge.begunElsewhere(account, sessionId),
  });
  const activationId = uuidv7Bytes();
  let viewSeq = 0n;
  const interest = new Interest({
    observe: () =>
      Promise.resolve(
        create(AnswerSchema, {
          hexVersion: viewSeq,
          view: { key: { hexId: home.hexId, layerId: 0 }, activationId, viewSeq },
          outcome: { case: "applied", value: { result: new Uint8Array(0) } },
        }),
      ),
    view: edge.view,
    onSeen: (key, envelope) => edge.residences.seen(key, envelope, worldNow()),
    onLost: () => topics.lost("lost"),
    onAnnouncement: createAnnouncementReader({
      takers: [(envelope) => test.deaf || sessions.onAnnouncement(envelope)],
      onForged: () => undefined,
      logger,
    }),
    ...(options.slowMsMax === undefined ? {} : { slowMsMax: options.slowMsMax }),
    laggardsEveryMs: 20,
    logger,
    metrics,
  });
  const topics = new TopicInterest({
    ...(options.slowMsMax === undefined ? {} : { slowMsMax: options.slowMsMax }),
    laggardsEveryMs: 20,
    logger,
    metrics,
  });
  edge.interest = interest;
  edge.topics = topics;
  const inbox = await bus.openInbox({
    name: `${instance}.view`,
    lengthMax: 10_000,
    onMessage({ type, body, publisher }) {
      if (type === "topic.v1") topics.onTopics(body);
      else interest.onViews(body, publisher);
    },
  });
  await Promise.all([
    interest.connect(inbox),
    topics.connect(inbox),
    inbox.bind(accountsTopic),
    inbox.bind(viewsLostTopic),
  ]);
  const server = createServer();
  acceptUpgrades(server, {
    frameBytesMax: config.frameBytesMax,
    refusalOf: () => undefined,
    opened: (socket, stream) => edge.opened(new Connection(socket, stream, edge, "127.0.0.1")),
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const test: TestEdge = {
    edge,
    dispatcher,
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    deaf: false,
    tellAll: () => sessions.tellAll(),
    publishEvent(payloadBytes) {
      const event = encodeEnvelope({
        type: "evt.hex.gathered",
        messageVersion: 1,
        key: home,
        eventId: uuidv7Bytes(),
        producer: { service: "worker", version: "0", instance: "w" },
        tsMs: 0,
        payload: new Uint8Array(payloadBytes),
      });
      viewSeq++;
      const view = { key: home, activationId, viewSeq: Number(viewSeq), hexVersion: 1, event };
      interest.onViews(encodeViews({ events: [view], marks: [] }), anyone);
    },
    async stop() {
      sessions.stop();
      interest.stop();
      topics.stop();
      await dispatcher.stop();
      for (const connection of edge.connections) connection.close(1012, "the test ends");
      server.close();
      server.closeAllConnections();
      await bus.close();
    },
  };
  return test;
}

/** A client without any logic. */
export interface TestPeer {
  readonly socket: WebSocket;
  readonly frames: ServerFrame["frame"][];
  /** Undefined while it is open. */
  readonly closeCode: number | undefined;
  readonly sessionId: Uint8Array;
  send(frame: ClientFrame["frame"]): void;
}

/** Connects and is welcomed. */
export async function joinEdge(
  url: string,
  account: string,
  resume: Uint8Array = new Uint8Array(0),
): Promise<TestPeer> {
  const socket = new WebSocket(url, "hexhold.v1");
  const frames: ServerFrame["frame"][] = [];
  let closeCode: number | undefined;
  socket.on("close", (code) => (closeCode = code));
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("open", resolve));
  const peer: Omit<TestPeer, "sessionId"> = {
    socket,
    frames,
    get closeCode() {
      return closeCode;
    },
    send(frame) {
      socket.send(toBinary(ClientFrameSchema, create(ClientFrameSchema, { frame })));
    },
  };
  const welcomed = Promise.withResolvers<Uint8Array>();
  socket.on("message", (data: Buffer) => {
    const { frame } = fromBinary(ServerFrameSchema, new Uint8Array(data));
    frames.push(frame);
    if (frame.case === "welcome") welcomed.resolve(frame.value.sessionId);
  });
  const hello = { token: account, resume, sdk: "test" };
  socket.send(
    toBinary(
      ClientFrameSchema,
      create(ClientFrameSchema, { frame: { case: "hello", value: hello } }),
    ),
  );
  const sessionId = await welcomed.promise;
  return Object.assign(Object.create(peer) as typeof peer, { sessionId });
}
