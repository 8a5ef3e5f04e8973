import type { Metrics } from "@hexhold/telemetry";
import type { QueueDepth } from "./broker/broker-admin.ts";
import type { SlotLeases } from "./lease/slot-leases.ts";
import type { Members } from "./membership/members.ts";
import { kindName } from "./membership/process-kind.ts";
import type { RouteTable } from "./route-table/route-table.ts";
import type { WorldTime } from "./world-clock/world-time.ts";

export interface RouterCounters {
  leaseChanged(change: string): void;
  deadLetterSaved(): void;
  /** All lanes were set back: the broker had lost what it had confirmed. */
  lanesResent(): void;
  /** PostgreSQL's clock was set. */
  clockSet(): void;
  slotRecovered(seconds: number): void;
  /** Takes the place of what was read before. */
  queuesRead(queues: readonly QueueDepth[]): void;
}

/** From a planned move, far below a second, to a frozen worker, whose lease of 10 s must end, and beyond. */
const recoveryBucketsSeconds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 120];

/** Counters, and what else is told as it happens; to be had before what they count. */
export function countRouter(metrics: Metrics): RouterCounters {
  const changes = metrics.counter(
    "hexhold_lease_changes_total",
    "Slots granted, and slots lost by cause.",
    ["change"],
  );
  const letters = metrics.counter("hexhold_dead_letters_total", "Dead letters taken in.");
  const resent = metrics.counter(
    "hexhold_lanes_resent_total",
    "Times that all outbox lanes were set back since the broker's queues were lost.",
  );
  const clockSteps = metrics.counter(
    "hexhold_clock_steps_total",
    "Times that PostgreSQL's clock was set by more than a second.",
  );
  const recovery = metrics.histogram(
    "hexhold_slot_recovery_seconds",
    "From the moment a slot stops being served until it is served again.",
    { buckets: recoveryBucketsSeconds },
  );
  const messages = metrics.gauge(
    "hexhold_queue_messages",
    "Messages in a queue, waiting or in hand.",
    { labels: ["queue"] },
  );
  return {
    leaseChanged: (change) => changes.inc({ change }),
    deadLetterSaved: () => letters.inc(),
    lanesResent: () => resent.inc(),
    clockSet: () => clockSteps.inc(),
    slotRecovered: (seconds) => recovery.observe(seconds),
    queuesRead(queues) {
      messages.reset();
      for (const { name, messagesReady, messagesUnacked } of queues) {
        messages.set({ queue: name }, messagesReady + messagesUnacked);
      }
    },
  };
}

/** Gauges, read at each scrape. */
export function gaugeRouter(
  metrics: Metrics,
  parts: {
    readonly members: Members;
    readonly leases: SlotLeases;
    readonly routes: RouteTable;
    readonly now: () => number;
    readonly worldTime: Pick<WorldTime, "offsetMs">;
  },
): void {
  const { members, leases, routes, now, worldTime } = parts;
  metrics.gauge("hexhold_world_clock_offset_seconds", "World time minus PostgreSQL's clock.", {
    collect: (gauge) => gauge.set(worldTime.offsetMs() / 1000),
  });
  metrics.gauge("hexhold_slots", "Slots by health.", {
    labels: ["health"],
    collect(gauge) {
      const served = leases.view().filter((slot) => slot.served).length;
      gauge.set({ health: "ok" }, served);
      gauge.set({ health: "stalled" }, leases.view().length - served);
    },
  });
  metrics.gauge("hexhold_processes", "Registered processes, by kind and whether they are heard.", {
    labels: ["kind", "heard"],
    collect(gauge) {
      gauge.reset();
      for (const member of members.list()) {
        gauge.inc({ kind: kindName(member.kind), heard: String(members.isHeard(member)) });
      }
    },
  });
  metrics.gauge("hexhold_heartbeat_age_seconds", "Since the last heartbeat of a process.", {
    labels: ["process"],
    collect(gauge) {
      gauge.reset();
      for (const member of members.list()) {
        gauge.set({ process: member.instance }, (now() - member.heardMs) / 1000);
      }
    },
  });
  metrics.gauge("hexhold_lease_store_up", "1 while the lease store answers.", {
    collect: (gauge) => gauge.set(leases.storeFault === undefined ? 1 : 0),
  });
  metrics.gauge("hexhold_route_version", "Version of the route table.", {
    collect: (gauge) => gauge.set(Number(routes.routeVersion)),
  });
}
