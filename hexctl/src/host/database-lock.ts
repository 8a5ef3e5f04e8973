/**
 * One host on one database: an advisory lock whose session lives as long as the host. PostgreSQL ends it with the
 * session, so a killed host leaves nothing; a host whose session was cut (a restart of PostgreSQL) takes it again.
 *
 *   held ──session lost──▶ lost ──taken again──▶ held
 *                            └──somebody else has it──▶ over (the host is told)
 */
import { setTimeout as pause } from "node:timers/promises";
import { dropConnection, openConnection, type PgClient } from "@hexhold/postgres";

/** Any number nobody else uses; migrations have another one. */
const lockId = 0x4845_5849;
/** A host that was killed a moment ago: its session ends when the server notices. */
const waitMsMax = 5_000;
const lookMs = 250;
const againMs = 1_000;

export interface DatabaseLock {
  readonly release: () => Promise<void>;
}

/** Another host has the world of this database. */
export class DatabaseInUse extends Error {
  constructor(url: string, owner: Owner | undefined) {
    const { host, pathname } = new URL(url);
    const who =
      owner === undefined
        ? ""
        : ` (${owner.application} from ${owner.address ?? "this machine"}, since ${owner.since})`;
    super(
      `The database ${decodeURIComponent(pathname.slice(1))} at ${host} is in use by another host of Hexhold${who}: ` +
        `stop that one, or give this one a database of its own.`,
    );
    this.name = "DatabaseInUse";
  }
}

interface Owner {
  readonly application: string;
  readonly address: string | null;
  readonly since: string;
}

/** @param onLost told when another host has it after all; this one must end then */
export async function lockDatabase(
  url: string,
  onLost: (error: unknown) => void,
): Promise<DatabaseLock> {
  let isReleased = false;
  const sessionLost = (): void => {
    if (!isReleased) void takeAgain();
  };
  const takeAgain = async (): Promise<void> => {
    while (!isReleased) {
      try {
        client = await take(url, sessionLost);
        if (isReleased) dropConnection(client);
        return;
      } catch (error) {
        if (error instanceof DatabaseInUse) {
          onLost(error);
          return;
        }
      }
      await pause(againMs, undefined, { ref: false });
    }
  };
  let client = await take(url, sessionLost);
  return {
    async release() {
      isReleased = true;
      await client.end().catch(() => undefined);
    },
  };
}

async function take(url: string, onLost: () => void): Promise<PgClient> {
  const client = await openConnection({ url, applicationName: "hexctl:host" }, onLost);
  try {
    const deadline = performance.now() + waitMsMax;
    for (;;) {
      const { rows } = await client.query<{ taken: boolean }>(
        "SELECT pg_try_advisory_lock($1) AS taken",
        [lockId],
      );
      if (rows[0]?.taken === true) return client;
      if (performance.now() > deadline) throw new DatabaseInUse(url, await ownerOf(client));
      await pause(lookMs);
    }
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

/** PostgreSQL shows a lock of one 64-bit number as its two halves. */
async function ownerOf(client: PgClient): Promise<Owner | undefined> {
  const { rows } = await client.query<Owner>(
    `SELECT a.application_name AS application, host(a.client_addr) AS address,
            to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS') AS since
     FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = $1
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [lockId],
  );
  return rows[0];
}
