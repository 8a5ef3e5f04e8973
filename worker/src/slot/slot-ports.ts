/** What a slot's driver needs of its worker. */
import type { Bus, MessageRegistry, RouteTable } from "@hexhold/messaging";
import type { PgClient, PgPool } from "@hexhold/postgres";
import type { Logger } from "@hexhold/telemetry";
import type { HotHexes } from "../hot-hexes.ts";
import type { RulesHost } from "../rules/rules-host.ts";
import type { Snapshot, SnapshotPlace } from "../snapshot/snapshot-store.ts";
import type { OutboxSender } from "../outbox/outbox-sender.ts";
import type { ViewPublisher } from "../view/view-publisher.ts";
import type { WorkerMetrics } from "../worker-metrics.ts";
import type { ProducerIdentity } from "./commit-plan.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { ReplySender } from "./reply-sender.ts";

export interface SlotPorts {
  readonly bus: Bus;
  readonly registry: MessageRegistry;
  readonly stateFormat: number;
  readonly rules: RulesHost;
  /** Rules in a thread of their own, for a command that cost the other one its life. Stopped by its user. */
  readonly spareRules: () => RulesHost;
  /** Milliseconds that the rules may take for one command. */
  readonly decideMsMax: number;
  /** Snapshots, or none when their store does not answer in time. Never rejects. */
  readonly loadSnapshots: (
    places: readonly SnapshotPlace[],
  ) => Promise<ReadonlyMap<string, Snapshot>>;
  readonly connect: (applicationName: string, onLost: () => void) => Promise<PgClient>;
  /** For reads off the path of a command. */
  readonly pool: PgPool;
  readonly routes: () => RouteTable | undefined;
  readonly views: ViewPublisher;
  readonly outbox: OutboxSender;
  readonly group: Pick<GroupCommit, "commit">;
  readonly replies: ReplySender;
  readonly worldNow: () => number;
  /** The format that the world is in. */
  readonly worldFormat: () => number;
  readonly leaseTtlMs: number;
  /** A client's request id older than this is STALE_COMMAND: results are kept an hour longer. */
  readonly staleAfterMs: number;
  readonly identity: ProducerIdentity & { readonly incarnation: string };
  readonly logger: Logger;
  readonly metrics: WorkerMetrics;
  readonly hotHexes: Pick<HotHexes, "count">;
}
