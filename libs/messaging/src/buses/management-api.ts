/** Requests to RabbitMQ's management plug-in. */

export interface ManagementRequest {
  /** For the broker's log. */
  readonly reason?: string;
  readonly body?: object;
  /** Answers of this status are no error. */
  readonly alsoStatus?: number;
}

/** The answer, parsed; undefined: it has no body, or what should be deleted, or looked for, is not there. */
export type ManagementApi = (
  method: "GET" | "PUT" | "DELETE" | "POST",
  path: string,
  given?: ManagementRequest,
) => Promise<unknown>;

/**
 * `managementUrl`: with user and password, `http://user:password@127.0.0.1:15672`. Each request ends after `timeoutMs`
 * (default 2000). Rejects with an error that says what to check.
 */
export function createManagementApi(managementUrl: string, timeoutMs = 2_000): ManagementApi {
  const { origin, username, password } = new URL(managementUrl);
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = `Basic ${Buffer.from(credentials).toString("base64")}`;
  return async (method, path, { reason, body, alsoStatus } = {}) => {
    const response = await fetch(`${origin}${path}`, {
      method,
      headers: {
        authorization,
        ...(reason === undefined ? {} : { "x-reason": reason }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await response.text();
    const gone = method === "DELETE" && response.status === 404;
    if (response.status === 401) {
      throw new Error(
        `RabbitMQ refuses the password, or has no such user (401 to ${method} ${path}): check rabbitmqManagementUrl`,
      );
    }
    if (!response.ok && !gone && response.status !== alsoStatus) {
      throw new Error(
        `RabbitMQ's management API answers ${response.status} to ${method} ${path}: check rabbitmqManagementUrl, its user and the user's tag "monitoring" (${text.slice(0, 200)})`,
      );
    }
    return text === "" || gone ? undefined : (JSON.parse(text) as unknown);
  };
}

/** Virtual host of an AMQP URL: `amqp://host/name` → `name`; without a path, or a URL, the default one. */
export function vhostOf(amqpUrl: string | undefined): string {
  const path = amqpUrl === undefined ? "" : new URL(amqpUrl).pathname.slice(1);
  return path === "" ? "/" : decodeURIComponent(path);
}
