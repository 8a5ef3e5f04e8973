import type { ProcessKind, WorldSettings } from "@hexhold/gen/hexhold/control/v1/control_pb";
import type { Logger } from "@hexhold/telemetry";
import type { RpcChannel } from "../client/channel.ts";
import type { ClusterRoutes } from "./route-updates.ts";

/** A slot that a worker serves, as its heartbeat names it. */
export interface HeldSlotReport {
  readonly slot: string;
  readonly epoch: bigint;
  /** Commands handled since the last heartbeat. */
  readonly commands: number;
  /** Not renewed: its consumer is closed, or PostgreSQL has not answered within one TTL. */
  readonly stalled: boolean;
  /** Mean time from a batch's delivery to its ack since the last heartbeat, microseconds; 0 = there was none. */
  readonly handlingUs: number;
}

export interface JoinOptions {
  /** URLs of the routers' control ports, any of which will do; or the channel to one in this process. */
  readonly routers: readonly string[] | RpcChannel;
  /** Token of the control port. */
  readonly token?: string;
  /** Name of the process, unique in the cluster: `worker-1`. */
  readonly instance: string;
  readonly kind: ProcessKind;
  /** URL of this process's own server; it must accept connections before the join. */
  readonly controlUrl: string;
  /** UUIDv7 as text, minted at the start of the process. */
  readonly incarnation: string;
  /** Version of the software. */
  readonly version: string;
  /** Highest world format that it reads; default: it reads no events of a game. */
  readonly worldFormat?: number;
  /** The game that it has loaded; undefined: none. A world refuses another game than its own, and another major. */
  readonly game?: { readonly name: string; readonly version: string };
  /** Names of its AMQP connections, as the broker lists them. */
  readonly amqpConnections: readonly string[];
  readonly logger: Logger;
  /** Called for each heartbeat. A slot that is not named is free for others. Default: none held. */
  readonly onHeartbeat?: () => readonly HeldSlotReport[];
  /** Workers: whether it is not warmed up yet; it then gets slots only when no other worker is. Default: it is. */
  readonly isCold?: () => boolean;
  /** Producers: route version up to which everything published is confirmed. */
  readonly acknowledgedRouteVersion?: () => bigint;
  /** How long the first registration is tried (default 30 s). */
  readonly joinTimeoutMs?: number;
}

export interface AssignmentWatcher {
  /** Take the slot if its epoch is still `expectedEpoch` (0 = it has no row). May come twice. */
  readonly grant: (slot: string, expectedEpoch: bigint) => void;
  /** Finish what is in hand, give the slot back, name it no more in heartbeats. May come twice. */
  readonly release: (slot: string, reason: string) => void;
}

/** Membership of this process in the cluster. It survives routers: what stops without one is only what is new. */
export interface ClusterMembership {
  /** World time, Unix milliseconds. */
  worldNow(): number;
  /** The format that the world is in, as of the last heartbeat. Never lowered. */
  worldFormat(): number;
  readonly leaseTtlMs: number;
  /** Settings that are equal across the cluster. */
  readonly settings: WorldSettings;
  /** Who the world is; UUID texts. */
  readonly world: { readonly worldId: string; readonly historyId: string };
  /** Calls `onRoutes` with the whole table, at first and after each change; returns its end. */
  watchRoutes(onRoutes: (routes: ClusterRoutes) => void): () => void;
  /** For workers; returns its end. To have it open is to ask for slots. */
  watchAssignments(watcher: AssignmentWatcher): () => void;
  /** Tells routers new names of this process's AMQP connections; resolves when one has taken them. */
  setAmqpConnections(names: readonly string[]): Promise<void>;
  /** Sends a heartbeat now, so that a slot just taken or given back is known at once. */
  heartbeatNow(): void;
  /** Says, within a second, what is still held, and leaves. Idempotent. */
  stop(): Promise<void>;
}
