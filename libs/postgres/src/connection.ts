import pg from "pg";
import { bindExactly } from "./bind-message.ts";

export interface ConnectionSettings {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string;
  /** Shown by the server; workers are found by it when they hold a lock: `worker:<id>:<epoch>`. */
  readonly applicationName: string;
  /** A statement that takes longer is ended by the server. Default 4,000 ms. */
  readonly statementTimeoutMs?: number;
  /** A connection attempt that takes longer fails. Default 3,000 ms. */
  readonly connectTimeoutMs?: number;
  /** A query without any answer for so long fails here and takes the connection with it. Default 4,500 ms. */
  readonly silenceTimeoutMs?: number;
}

function clientConfig(settings: ConnectionSettings): pg.ClientConfig {
  const statementTimeoutMs = settings.statementTimeoutMs ?? 4000;
  return {
    connectionString: settings.url,
    application_name: settings.applicationName,
    connectionTimeoutMillis: settings.connectTimeoutMs ?? 3000,
    statement_timeout: statementTimeoutMs,
    query_timeout: settings.silenceTimeoutMs ?? statementTimeoutMs + 500,
    idle_in_transaction_session_timeout: 5000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5000,
  };
}

/**
 * Opens one connection. `onLost` is called once when it breaks while nobody waits for an answer on it.
 * Rejects when it cannot be opened in time.
 */
export async function openConnection(
  settings: ConnectionSettings,
  onLost: (error: Error) => void = () => undefined,
): Promise<pg.Client> {
  const client = new pg.Client(clientConfig(settings));
  bindExactly(client);
  // An unheard `error` ends the process. A session that the server ends raises two.
  let lost = false;
  client.on("error", (error) => {
    if (lost) return;
    lost = true;
    onLost(error);
  });
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  return client;
}

/** Opens a connection for `use`, and ends it whatever comes of that. */
export async function withConnection<Result>(
  settings: ConnectionSettings,
  use: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = await openConnection(settings);
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** A pool of at most `max` connections, for reads off the path of a command. */
export function openPool(settings: ConnectionSettings, max: number): pg.Pool {
  const pool = new pg.Pool({ ...clientConfig(settings), max, idleTimeoutMillis: 30_000 });
  pool.on("error", () => undefined);
  return pool;
}

/** Ends a connection whatever its state, without waiting for a server that does not answer. */
export function dropConnection(client: pg.Client): void {
  const stream = (client as unknown as { connection?: { stream?: { destroy(): void } } }).connection
    ?.stream;
  void client.end().catch(() => undefined);
  stream?.destroy();
}
