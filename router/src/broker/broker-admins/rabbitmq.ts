import { brokerMarkQueue, createManagementApi } from "@hexhold/messaging";
import type { BrokerAdmin, BrokerAlarm } from "../broker-admin.ts";
import type { BrokerMark } from "../broker-mark.ts";

export interface RabbitmqAdminOptions {
  /** Of the management plug-in, with user and password: `http://user:password@127.0.0.1:15672`. */
  readonly managementUrl: string;
  /** Default `/`. */
  readonly vhost?: string;
  /** For one request (default 2000). */
  readonly timeoutMs?: number;
}

interface QueueRow {
  readonly name: string;
  readonly messages_ready?: number;
  readonly messages_unacknowledged?: number;
  readonly consumers?: number;
}

interface ConnectionRow {
  readonly name: string;
  readonly user_provided_name?: string;
}

interface AlarmRow {
  readonly node: string;
  /** `memory`, `disk space`, `file descriptors`: of the last nothing follows for publishers. */
  readonly resource: string;
}

interface NodeRow {
  readonly name: string;
  readonly mem_used?: number;
  readonly mem_limit?: number;
  readonly disk_free?: number;
  readonly disk_free_limit?: number;
}

/** Undefined when it is none of ours. */
function markOf(payload: string): BrokerMark | undefined {
  try {
    const { worldId, number } = JSON.parse(payload) as Partial<BrokerMark>;
    return typeof worldId === "string" && Number.isSafeInteger(number)
      ? { worldId, number: number as number }
      : undefined;
  } catch {
    return undefined;
  }
}

/** RabbitMQ (3.8.10 or later) through its management API. Its figures are up to 10 s old, its alarms of the moment. */
export function createRabbitmqAdmin(options: RabbitmqAdminOptions): BrokerAdmin {
  const request = createManagementApi(options.managementUrl, options.timeoutMs);
  const vhost = encodeURIComponent(options.vhost ?? "/");

  return {
    async queueDepths() {
      const columns = "name,messages_ready,messages_unacknowledged,consumers";
      const rows = (await request("GET", `/api/queues/${vhost}?columns=${columns}`)) as QueueRow[];
      return rows
        .filter(({ name }) => name !== brokerMarkQueue)
        .map((row) => ({
          name: row.name,
          messagesReady: row.messages_ready ?? 0,
          messagesUnacked: row.messages_unacknowledged ?? 0,
          consumers: row.consumers ?? 0,
        }))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1));
    },
    async closeConnections(names, reason) {
      if (names.length === 0) return;
      const columns = "name,user_provided_name";
      const path = `/api/vhosts/${vhost}/connections?columns=${columns}`;
      const rows = (await request("GET", path)) as ConnectionRow[];
      const wanted = new Set(names);
      const doomed = rows.filter(
        ({ name, user_provided_name: own }) =>
          wanted.has(name) || (own !== undefined && wanted.has(own)),
      );
      await Promise.all(
        doomed.map(({ name }) =>
          request("DELETE", `/api/connections/${encodeURIComponent(name)}`, { reason }),
        ),
      );
    },
    async alarms() {
      const { alarms = [] } = (await request("GET", "/api/health/checks/alarms", {
        // That there are alarms.
        alsoStatus: 503,
      })) as { readonly alarms?: readonly AlarmRow[] };
      if (alarms.length === 0) return [];
      const columns = "name,mem_used,mem_limit,disk_free,disk_free_limit";
      const nodes = (await request("GET", `/api/nodes?columns=${columns}`)) as NodeRow[];
      return alarms.flatMap(({ node, resource }): BrokerAlarm[] => {
        const row = nodes.find(({ name }) => name === node);
        const { mem_used: used = 0, mem_limit: limit = 0 } = row ?? {};
        const { disk_free: free = 0, disk_free_limit: least = 0 } = row ?? {};
        if (resource === "memory") return [{ node, of: "memory", bytes: used, limitBytes: limit }];
        return resource.startsWith("disk")
          ? [{ node, of: "disk", bytes: free, limitBytes: least }]
          : [];
      });
    },
    marks: {
      async readMark() {
        const path = `/api/queues/${vhost}/${brokerMarkQueue}/get`;
        // Put back at once.
        const body = { count: 1, ackmode: "ack_requeue_true", encoding: "auto" };
        const [found] = (await request("POST", path, { body })) as { payload: string }[];
        return found === undefined ? undefined : markOf(found.payload);
      },
      async writeMark(mark) {
        const answer = (await request("POST", `/api/exchanges/${vhost}/amq.default/publish`, {
          body: {
            properties: { delivery_mode: 2 },
            routing_key: brokerMarkQueue,
            payload: JSON.stringify(mark),
            payload_encoding: "string",
          },
        })) as { routed: boolean };
        if (!answer.routed) throw new Error(`the queue ${brokerMarkQueue} is not declared`);
      },
    },
  };
}
