import { freshName, providedStack } from "./provided-stack.ts";

export interface FreshVhost {
  readonly name: string;
  /** With user, password and vhost. */
  readonly url: string;
  /** RabbitMQ's HTTP API, with user and password; see `managementApi`. */
  readonly managementUrl: string;
  /** Deletes it with all its queues; connections to it are closed by the broker. */
  readonly drop: () => Promise<void>;
}

/** An empty RabbitMQ virtual host of its own, all permissions for the URL's user. */
export async function freshVhost(): Promise<FreshVhost> {
  const { url, managementUrl } = providedStack().rabbitmq;
  const name = freshName();
  const user = new URL(url).username;
  await managementApi(managementUrl, "PUT", `/api/vhosts/${name}`);
  await managementApi(managementUrl, "PUT", `/api/permissions/${name}/${user}`, {
    configure: ".*",
    write: ".*",
    read: ".*",
  });
  const own = new URL(url);
  own.pathname = `/${name}`;
  return {
    name,
    url: own.href,
    managementUrl,
    drop: () => dropVhost(managementUrl, name),
  };
}

export async function dropVhost(managementUrl: string, name: string): Promise<void> {
  await managementApi(managementUrl, "DELETE", `/api/vhosts/${name}`);
}

/** Names of the virtual hosts that begin with a prefix. */
export async function vhostsOf(managementUrl: string, prefix: string): Promise<string[]> {
  const found = (await managementApi(managementUrl, "GET", "/api/vhosts")) as { name: string }[];
  return found.map(({ name }) => name).filter((name) => name.startsWith(prefix));
}

/**
 * One request to RabbitMQ's HTTP API; the parsed answer, or `undefined` when it has no body.
 * Anything but 2xx is an error with method, path, status and answer.
 */
export async function managementApi(
  managementUrl: string,
  method: "GET" | "PUT" | "POST" | "DELETE",
  path: string,
  body?: unknown,
): Promise<unknown> {
  const { origin, username, password } = new URL(managementUrl);
  const response = await fetch(`${origin}${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`,
      "content-type": "application/json",
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${method} ${path}: ${response.status} ${text}`);
  }
  return text === "" ? undefined : JSON.parse(text);
}
