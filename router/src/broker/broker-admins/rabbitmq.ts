import type { BrokerAdmin } from "../broker-admin.ts";

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

/** RabbitMQ through its management API. Its figures are up to 5 s old. */
export function createRabbitmqAdmin(options: RabbitmqAdminOptions): BrokerAdmin {
  const { origin, username, password } = new URL(options.managementUrl);
  const vhost = encodeURIComponent(options.vhost ?? "/");
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = `Basic ${Buffer.from(credentials).toString("base64")}`;

  async function request(method: "GET" | "DELETE", path: string, reason?: string) {
    const response = await fetch(`${origin}${path}`, {
      method,
      headers: { authorization, ...(reason === undefined ? {} : { "x-reason": reason }) },
      signal: AbortSignal.timeout(options.timeoutMs ?? 2_000),
    });
    const text = await response.text();
    const gone = method === "DELETE" && response.status === 404;
    if (!response.ok && !gone) {
      throw new Error(
        `RabbitMQ's management API answers ${response.status} to ${method} ${path}: check rabbitmqManagementUrl, its user and the user's tag "monitoring" (${text.slice(0, 200)})`,
      );
    }
    return text === "" || gone ? undefined : (JSON.parse(text) as unknown);
  }

  return {
    async queueDepths() {
      const columns = "name,messages_ready,messages_unacknowledged,consumers";
      const rows = (await request("GET", `/api/queues/${vhost}?columns=${columns}`)) as QueueRow[];
      return rows
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
          request("DELETE", `/api/connections/${encodeURIComponent(name)}`, reason),
        ),
      );
    },
  };
}
