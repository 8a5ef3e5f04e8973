/** Taking a slot, and proving that it is still held. PostgreSQL decides; leases only speed things up. */
import { dropConnection, type PgClient, sqlStateOf } from "@hexhold/postgres";

/** The slot belongs to somebody else. A state of the driver with one exit: drop the slot. */
export class FencedError extends Error {
  readonly code = "FENCED";
  constructor(slot: string, why: string) {
    super(`slot ${slot} is lost: ${why}`);
    this.name = "FencedError";
  }
}

/**
 * The worker gives the slot back, and what it has in hand is left to the next owner, unacked. Unlike
 * {@link FencedError} it says nothing of who owns the slot: whoever releases it ends it.
 */
export class ReleasingError extends Error {
  readonly code = "RELEASING";
  constructor(slot: string) {
    super(`slot ${slot} is being given back`);
    this.name = "ReleasingError";
  }
}

export interface TakenSlot {
  readonly epoch: bigint;
  /** The last owner let go in good order: what comes again charges nobody. */
  readonly clean: boolean;
  /** Of the database: another one may stand at an earlier moment than what was last heard of it. */
  readonly life: bigint;
}

/** Lock wait after which the holder is looked at: a commit of the last owner that is still running has so long. */
const lockTimeoutMs = 1000;
const lockNotAvailable = "55P03";

/** Name by which the server shows a slot's connection, and by which a zombie's is found. */
export function connectionName(worker: string, epoch: bigint): string {
  return `worker:${worker}:${epoch}`;
}

/**
 * Name of the connection of a process for commits of several slots, with the random end of its incarnation:
 * PostgreSQL cuts names after 63 bytes.
 */
export function groupConnectionName(worker: string, incarnation: string): string {
  return `group:${worker.slice(0, 40)}:${incarnation.slice(-12)}`;
}

/**
 * Takes `slot` if its epoch is `expected` (0 = it has no row), or renews one's own epoch. Undefined: somebody
 * was faster, or the grant came late. Waits at most about 2 s for a commit of the last owner that is still
 * running; then its session is ended: a client frozen between Execute and Sync outlives every other time-out.
 */
export async function takeSlot(
  client: PgClient,
  slot: string,
  expected: bigint,
  owner: { readonly worker: string; readonly incarnation: string },
): Promise<TakenSlot | undefined> {
  const name = `${owner.worker}#${owner.incarnation}`;
  let taken: TakenSlot | undefined;
  try {
    taken = await take(client, slot, expected, name);
  } catch (error) {
    if (sqlStateOf(error) !== lockNotAvailable) throw error;
    await endHoldersOf(client, slot, expected);
    taken = await take(client, slot, expected, name);
  }
  if (taken !== undefined) {
    // Nobody waits for it: what comes next on this connection comes after it.
    const renamed = client.escapeLiteral(connectionName(owner.worker, taken.epoch));
    void client.query(`SET application_name = ${renamed}`).catch(() => undefined);
  }
  return taken;
}

interface TakenRow {
  readonly epoch: string;
  readonly clean: boolean;
  readonly life: string;
}

/** One trip, since whoever plays in the slot waits for it; the limit ends with the statements' transaction. */
async function take(
  client: PgClient,
  slot: string,
  expected: bigint,
  owner: string,
): Promise<TakenSlot | undefined> {
  // pg gives a result a statement, which its types do not say.
  const [, result] = (await client.query<TakenRow>(
    `SET LOCAL lock_timeout = '${lockTimeoutMs}ms';
     SELECT epoch, clean, life FROM world.take_slot(
       ${client.escapeLiteral(slot)}, ${expected}, ${client.escapeLiteral(owner)})`,
  )) as unknown as readonly { readonly rows: TakenRow[] }[];
  const row = result?.rows[0];
  if (row === undefined) return undefined;
  return { epoch: BigInt(row.epoch), clean: row.clean, life: BigInt(row.life) };
}

/**
 * Ends sessions that hold a lock on a row of `world.slot`: those of one slot at `epoch` or below it, and the
 * one in which the owner of `slot` commits for several, when it has been at it for longer than a lock is
 * waited for.
 */
async function endHoldersOf(client: PgClient, slot: string, epoch: bigint): Promise<void> {
  const { rows } = await client.query<{ owner: string | null }>(
    "SELECT owner FROM world.slot WHERE slot = $1",
    [slot],
  );
  const [worker = "", incarnation = ""] = (rows[0]?.owner ?? "").split("#");
  await client.query(
    `SELECT pg_terminate_backend(a.pid)
     FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
     WHERE l.relation = 'world.slot'::regclass AND l.granted AND a.pid <> pg_backend_pid()
       AND a.datname = current_database()
       AND (
         (a.application_name ~ '^worker:[^:]+:[0-9]+$'
           AND split_part(a.application_name, ':', 3)::bigint <= $1)
         OR (a.application_name = $2 AND a.xact_start < now() - $3 * interval '1 millisecond'))`,
    [epoch, groupConnectionName(worker, incarnation), lockTimeoutMs * 0.9],
  );
}

/** Whether `slot` is at `epoch`. */
export async function holdsSlot(client: PgClient, slot: string, epoch: bigint): Promise<boolean> {
  const { rowCount } = await client.query({
    name: "holds_slot",
    text: "SELECT 1 FROM world.slot WHERE slot = $1 AND epoch = $2",
    values: [slot, epoch],
  });
  return rowCount === 1;
}

/** Lets go in good order, then closes the connection. Never rejects: an unreleased slot is only slower to take. */
export async function releaseSlot(client: PgClient, slot: string, epoch: bigint): Promise<void> {
  try {
    await client.query("SELECT world.release_slot($1, $2)", [slot, epoch]);
    // The next owner does not wait for the end of this connection.
    void client.end().catch(() => undefined);
  } catch {
    dropConnection(client);
  }
}
