/**
 * The life of a service in a cluster, the same for all: what is opened has an end at once, a start that fails ends what
 * it has opened, and a stop runs all ends, the last opened first, each within a bound.
 *
 *   starting ──begin() resolves──▶ running ──stop()──▶ unwinding ──▶ stopped
 *       └──────begin() rejects───────────────────────────▲
 */
import { type EndError, startWhole, type Unwind, watchPostgres } from "@hexhold/config";
import {
  type Bus,
  missingOfBus,
  type ProducerRoutes,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";
import {
  type ClusterMembership,
  joinCluster,
  type JoinOptions,
  type ProcessServiceOptions,
  routeProcessService,
  type RpcServer,
  startRpcServer,
} from "@hexhold/rpc";
import type { Logger, Metrics } from "@hexhold/telemetry";
import { countDrops } from "./bus-metrics.ts";
import { followRoutes } from "./follow-routes.ts";

/** What the composition root gives a service. All of it is closed by its giver. */
export interface ServicePorts {
  readonly bus: Bus;
  readonly routers: JoinOptions["routers"];
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface ServiceOptions {
  /** For its log: `accounts started`. */
  readonly name: string;
  /** Name of the process, unique in the cluster: `accounts-1`. */
  readonly instance: string;
  /** Version of the software. */
  readonly version: string;
  /** Of the control server. */
  readonly host: string;
  /** 0 = any free one. */
  readonly controlPort: number;
  /** Of the control plane, given and asked for; undefined in tests only. */
  readonly controlToken: string | undefined;
  readonly ports: ServicePorts;
}

export interface ServeFields extends Pick<
  ProcessServiceOptions,
  "inspect" | "inspectHex" | "inspectSessions"
> {
  /** What it lacks to serve beside broker and PostgreSQL, in words; default: nothing. */
  readonly missing?: () => readonly string[];
  /** A small query, for services that need PostgreSQL: `GET /readyz` says within 4 s that it is not answered. */
  readonly askPostgres?: () => Promise<unknown>;
}

export interface JoinFields extends Pick<
  JoinOptions,
  "kind" | "worldFormat" | "game" | "onHeartbeat" | "isCold" | "acknowledgedRouteVersion"
> {
  /** Of a service that sends to hexes: kept up to date from here on, and acknowledged to the router. Default: it sends to none. */
  readonly routes?: ProducerRoutes;
  /**
   * Whether the router is told of new connections at the broker here (default true). False for a service that follows
   * the route table in a way of its own: a table belongs to a connection, so it tells them itself, before it asks for it.
   */
  readonly tellsConnections?: boolean;
}

/** A service that is being started: each step adds its own end to `unwind`. */
export interface Service {
  /** UUIDv7 as text, minted at this start: tells it from the process that had its name before. */
  readonly incarnation: string;
  readonly unwind: Unwind;
  /** Its control server, which must be there before it joins. Rejects when the port is taken. */
  readonly serve: (fields: ServeFields) => Promise<RpcServer>;
  /**
   * Makes it a member, and tells the router the names of its connections at the broker, now and after each reconnect
   * (`tellsConnections`): by them the router has a frozen process's connections closed. Rejects when no router takes it.
   */
  readonly join: (fields: JoinFields) => Promise<ClusterMembership>;
}

export interface RunningService {
  readonly controlUrl: string;
  /** Runs all ends. Rejects, after the last, when some failed or came too late. Idempotent. */
  stop(): Promise<void>;
}

/** @param begin opens everything. When it rejects, what it has opened is ended, and its reason is the caller's. */
export function startService(
  options: ServiceOptions,
  begin: (service: Service) => Promise<void>,
): Promise<RunningService> {
  const { name, instance, version, controlToken, ports } = options;
  const { bus, logger } = ports;
  const token = controlToken === undefined ? {} : { token: controlToken };
  const incarnation = uuidText(uuidv7Bytes());
  const onFailure = (failure: EndError): void =>
    logger.warn({ err: failure }, `something of ${name} did not end`);
  return startWhole(async (unwind) => {
    unwind.add("count of what the bus drops", countDrops(bus, ports.metrics));
    let control: RpcServer | undefined;
    await begin({
      incarnation,
      unwind,
      async serve({ missing = () => [], askPostgres, ...process }) {
        const postgres = askPostgres === undefined ? undefined : watchPostgres(askPostgres);
        // A question to a frozen server is not waited for.
        unwind.add("watch of PostgreSQL", () => void postgres?.stop());
        const server = await startRpcServer({
          host: options.host,
          port: options.controlPort,
          logger,
          ...token,
          metrics: ports.metrics,
          missing: () => [...missingOfBus(bus), ...[postgres?.fault ?? []].flat(), ...missing()],
          routes: (router) =>
            routeProcessService(router, { instance, incarnation, version, ...process }),
        });
        unwind.add("control server", () => server.stop());
        control = server;
        return server;
      },
      async join({ routes, tellsConnections = true, ...fields }) {
        if (control === undefined) throw new TypeError(`${name} joins before it serves`);
        const membership = await joinCluster({
          ...(routes === undefined ? {} : { acknowledgedRouteVersion: () => routes.acknowledged }),
          ...fields,
          ...token,
          routers: ports.routers,
          instance,
          incarnation,
          version,
          controlUrl: control.url,
          amqpConnections: bus.connectionNames(),
          logger,
        });
        unwind.add("membership", () => membership.stop());
        if (routes !== undefined) {
          unwind.add("routes", followRoutes(routes, bus, membership, logger));
        } else if (tellsConnections) {
          unwind.add(
            "names at the broker",
            bus.onState(() => {
              // One that fails is told again by the next registration, with the names of then.
              void membership.setAmqpConnections(bus.connectionNames()).catch(() => undefined);
            }),
          );
        }
        return membership;
      },
    });
    if (control === undefined) throw new TypeError(`${name} has no control server`);
    const { url } = control;
    logger.info({ incarnation, controlUrl: url }, `${name} started`);
    let stopping: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      await unwind.run();
      logger.info(`${name} stopped`);
    };
    return { controlUrl: url, stop: () => (stopping ??= stop()) };
  }, onFailure);
}
