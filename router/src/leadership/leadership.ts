/**
 * One router leads, the others stand by: the leader is whoever holds an advisory lock of PostgreSQL, which
 * frees it the moment its connection ends.
 *
 * Two that lead at once would cost a take-over and nothing else: PostgreSQL decides who owns a slot, not a
 * router. So a leader whose connection breaks goes on, and steps down only when another has the lock.
 *
 *   standing by ──lock free, or its holder silent for `silentMsMax`──▶ leading
 *   leading ──connection lost──▶ leading, reconnecting ──lock is another's──▶ lost (final)
 */
import { setTimeout as sleep } from "node:timers/promises";
import { dropConnection, openConnection, type PgClient } from "@hexhold/postgres";
import type { Logger } from "@hexhold/telemetry";

export interface LeadershipOptions {
  /** Logs in as hexhold_router. */
  readonly postgresUrl: string;
  readonly instance: string;
  /** A leader that has not been heard for so long is frozen: its session is ended. */
  readonly silentMsMax: number;
  readonly logger: Logger;
}

export interface Leadership {
  /** Resolves when another router leads. */
  readonly lost: Promise<void>;
  /** Steps down; another may lead at once. Idempotent. */
  release(): Promise<void>;
}

/** Between two looks of a standby: with a leader that is killed nobody is granted anything for so long. */
const lookEveryMs = 250;
const heardEveryMs = 1000;
/** "HEXL". Locks of PostgreSQL are per database: one leader a world. */
const lockKey = 0x4845_584c;

/**
 * Stands by until this router leads; undefined when `signal` was aborted first. Rejects when PostgreSQL
 * cannot be reached the first time; later failures are waited out.
 */
export async function awaitLeadership(
  options: LeadershipOptions,
  signal: AbortSignal,
): Promise<Leadership | undefined> {
  let client: PgClient | undefined = await open(options);
  let told = false;
  const silentMs = createSilenceWatch();
  while (!signal.aborted) {
    try {
      client ??= await open(options);
      if (await tryLock(client, options)) return lead(client, options);
      await endSilentLeader(client, silentMs, options);
      if (!told) options.logger.info("another router leads: standing by");
      told = true;
    } catch (error) {
      options.logger.debug({ err: error }, "cannot look who leads");
      if (client !== undefined) dropConnection(client);
      client = undefined;
    }
    await sleep(lookEveryMs, undefined, { signal }).catch(() => undefined);
  }
  await client?.end().catch(() => undefined);
  return undefined;
}

function open({ postgresUrl, instance }: LeadershipOptions): Promise<PgClient> {
  return openConnection({
    url: postgresUrl,
    applicationName: `router-lead:${instance}`,
    statementTimeoutMs: 2000,
  });
}

async function tryLock(client: PgClient, options: LeadershipOptions): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    "SELECT pg_try_advisory_lock($1) AS locked",
    [lockKey],
  );
  if (rows[0]?.locked === true) {
    await client.query(
      `INSERT INTO control.router_leader AS l (instance, backend_pid) VALUES ($1, pg_backend_pid())
       ON CONFLICT (only_row) DO UPDATE
       SET instance = excluded.instance, backend_pid = excluded.backend_pid, heard_at = clock_timestamp()`,
      [options.instance],
    );
    return true;
  }
  return false;
}

/** How long the leader's last sign has been the same, by the clock of this process: a server's can be set. */
function createSilenceWatch(): (sign: string) => number {
  let sign = "";
  let sinceMs = performance.now();
  return (next) => {
    if (next !== sign) sinceMs = performance.now();
    sign = next;
    return performance.now() - sinceMs;
  };
}

/** Frees the lock of a leader that is frozen. */
async function endSilentLeader(
  client: PgClient,
  silentMs: (sign: string) => number,
  options: LeadershipOptions,
): Promise<void> {
  const { rows } = await client.query<{ pid: number; sign: string }>(
    `SELECT a.pid, concat(l.instance, ' ', l.backend_pid, ' ', l.heard_at) AS sign
     FROM control.router_leader AS l JOIN pg_stat_activity AS a ON a.pid = l.backend_pid
     WHERE a.application_name LIKE 'router-lead:%' AND a.datname = current_database()`,
  );
  const [leader] = rows;
  if (silentMs(leader?.sign ?? "") <= options.silentMsMax || leader === undefined) return;
  await client.query("SELECT pg_terminate_backend($1)", [leader.pid]);
  options.logger.warn("the leading router is silent: its lock was freed");
}

function lead(first: PgClient, options: LeadershipOptions): Leadership {
  const { logger, instance } = options;
  const stopping = new AbortController();
  const lost = Promise.withResolvers<void>();
  let client: PgClient | undefined = first;

  async function beat(): Promise<void> {
    while (!stopping.signal.aborted) {
      await sleep(client === undefined ? lookEveryMs : heardEveryMs, undefined, {
        signal: stopping.signal,
      }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      try {
        if (client === undefined) {
          client = await open(options);
          if (!(await tryLock(client, options))) {
            logger.warn("another router leads: stepping down");
            await client.end();
            client = undefined;
            lost.resolve();
            return;
          }
          continue;
        }
        await client.query("UPDATE control.router_leader SET heard_at = clock_timestamp()");
      } catch (error) {
        logger.debug({ err: error }, "the leader's connection is lost");
        if (client !== undefined) dropConnection(client);
        client = undefined;
      }
    }
  }

  logger.info({ instance }, "this router leads");
  const beating = beat();
  return {
    lost: lost.promise,
    async release() {
      stopping.abort();
      await beating;
      const last = client;
      client = undefined;
      await last?.end().catch(() => undefined);
    },
  };
}
