import { checkSchemaVersion, openPool } from "@hexhold/postgres";
import type { BrokerMarkStore } from "./broker/broker-mark.ts";
import type { SavedClock } from "./world-clock/bounded-clock.ts";
import type { WorldClockStore } from "./world-clock/world-time.ts";

/** Newest migration of schema `control` that this software knows. */
const schemaVersion = "0006_world_format";

/** Who owns a slot according to PostgreSQL, which decides it. */
export interface SlotRow {
  readonly epoch: bigint;
  /** `worker-1#<incarnation>` */
  readonly owner: string;
  /** The owner let go of it in good order. */
  readonly released: boolean;
}

export interface DeadLetterRow {
  readonly eventId: string;
  readonly deadAtMs: number;
  readonly slot: string;
  readonly worker: string;
  readonly type: string;
  readonly messageVersion: number;
  readonly hexId: bigint | undefined;
  readonly layerId: number | undefined;
  readonly requestId: string | undefined;
  readonly accountId: string | undefined;
  readonly traceparent: string;
  readonly envelope: Uint8Array;
  readonly error: string;
  readonly attempts: number;
}

/** What of a letter its retry needs. */
export interface KeptLetter extends Pick<
  DeadLetterRow,
  "slot" | "type" | "accountId" | "envelope"
> {
  readonly state: "waiting" | "replayed" | "discarded";
}

/** A world's id, and the id of its history. */
export interface WorldName {
  readonly worldId: string;
  readonly historyId: string;
}

/** Schema `control`, and the views of schema `world` that a router may read. Rejects with the driver's errors. */
export interface ControlStore extends BrokerMarkStore, WorldClockStore {
  /** Writes the settings that are not there yet; returns all there are. */
  worldSettings(wanted: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, string>>;
  /** Raises the format of the world; one that is there, or higher, stays. */
  raiseWorldFormat(format: number): Promise<void>;
  /** Who the world is; UUID texts. */
  world(): Promise<WorldName>;
  routeVersion(): Promise<bigint>;
  slots(): Promise<ReadonlyMap<string, SlotRow>>;
  /** Slot of a key that was moved at some time; undefined = it is at home. */
  movedSlot(bucket: number, hexId: bigint, layerId: number): Promise<string | undefined>;
  /** False when the letter was there already. */
  saveDeadLetter(letter: DeadLetterRow): Promise<boolean>;
  /** Undefined: there is no such letter. */
  deadLetter(eventId: string): Promise<KeptLetter | undefined>;
  /** Notes that a letter's message was sent again. */
  markReplayed(eventId: string): Promise<void>;
  /** What waits for operators. */
  waiting(): Promise<Waiting>;
  close(): Promise<void>;
}

/** Dead letters and hexes that wait for an operator. */
export interface Waiting {
  readonly letters: number;
  /** Type and error of the one that died last; empty when there is none. */
  readonly lastLetter: string;
  readonly quarantined: number;
  /** Up to three of the hexes, those that wait longest first. */
  readonly hexes: readonly {
    readonly hexId: bigint;
    readonly layerId: number;
    readonly reason: string;
  }[];
}

export interface ControlStoreOptions {
  /** Logs in as hexhold_router. */
  readonly postgresUrl: string;
  readonly instance: string;
}

const connectionsMax = 4;

/**
 * Opens a pool and checks the schemas. Rejects with what to do when PostgreSQL cannot be reached or the
 * schema is older or newer than this software.
 */
export async function openControlStore(options: ControlStoreOptions): Promise<ControlStore> {
  const pool = openPool(
    { url: options.postgresUrl, applicationName: `router:${options.instance}` },
    connectionsMax,
  );

  async function rows<Row>(name: string, text: string, values: unknown[] = []): Promise<Row[]> {
    const result = await pool.query({ name, text, values });
    return result.rows as Row[];
  }

  try {
    const client = await pool.connect();
    // What fails on it meanwhile, its query tells.
    client.on("error", () => undefined);
    try {
      await checkSchemaVersion(client, "control", schemaVersion);
      await client.query("SELECT slot, epoch, owner, released FROM world.slots LIMIT 0");
    } finally {
      client.release();
    }
  } catch (error) {
    await pool.end();
    throw startError(error);
  }

  return {
    async worldSettings(wanted) {
      await rows(
        "insert_settings",
        `INSERT INTO control.world_setting (key, value)
         SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT (key) DO NOTHING`,
        [[...wanted.keys()], [...wanted.values()]],
      );
      const found = await rows<{ key: string; value: string }>(
        "read_settings",
        "SELECT key, value FROM control.world_setting",
      );
      return new Map(found.map(({ key, value }) => [key, value]));
    },
    async raiseWorldFormat(format) {
      await rows("raise_format", "SELECT control.raise_world_format($1)", [format]);
    },
    async world() {
      const [row] = await rows<{ world_id: string; history_id: string }>(
        "world",
        "SELECT world_id, history_id FROM control.world",
      );
      if (row === undefined) {
        throw new Error("control.world is empty: restore its row from a backup of this world");
      }
      return { worldId: row.world_id, historyId: row.history_id };
    },
    async brokerMark() {
      const [row] = await rows<{ number: string }>(
        "broker_mark",
        "SELECT number FROM control.broker_mark",
      );
      return Number(row?.number ?? 0);
    },
    async setBrokerMark(number) {
      await rows("set_broker_mark", "UPDATE control.broker_mark SET number = $1", [number]);
    },
    async resendLanes(why) {
      const [row] = await rows<{ again: string }>(
        "resend_lanes",
        "SELECT world.resend_lanes(NULL, $1) AS again",
        [why],
      );
      return BigInt(row?.again ?? 0);
    },
    async routeVersion() {
      const [row] = await rows<{ version: string }>(
        "route_version",
        "SELECT version FROM control.route_counter",
      );
      if (row === undefined) {
        throw new Error(
          "control.route_counter is empty: restore its row, above every version used",
        );
      }
      return BigInt(row.version);
    },
    async slots() {
      const found = await rows<{ slot: string; epoch: string; owner: string; released: boolean }>(
        "slots",
        "SELECT slot, epoch, owner, released FROM world.slots",
      );
      return new Map(
        found.map(({ slot, epoch, owner, released }) => [
          slot,
          { epoch: BigInt(epoch), owner, released },
        ]),
      );
    },
    async movedSlot(bucket, hexId, layerId) {
      const [row] = await rows<{ slot: string }>(
        "moved_slot",
        `SELECT slot FROM world.moved_keys
         WHERE bucket = $1::smallint AND hex_id = $2::bigint AND layer_id = $3::bigint`,
        [bucket, hexId, layerId],
      );
      return row?.slot;
    },
    async clockMs() {
      const [row] = await rows<{ ms: string }>(
        "clock",
        "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8::text AS ms",
      );
      return Number(row?.ms);
    },
    async worldClock() {
      const [row] = await rows<SavedClock>(
        "world_clock",
        `SELECT offset_ms AS "offsetMs", world_ms AS "worldMs", steps, stepped_ms AS "steppedMs",
           step_ms AS "stepMs" FROM control.world_clock`,
      );
      return row ?? { offsetMs: 0, worldMs: 0, steps: 0, steppedMs: 0, stepMs: 0 };
    },
    async saveWorldClock({ offsetMs, worldMs, steps, steppedMs, stepMs }) {
      // An old leader that has not noticed yet must not take world time back.
      await rows(
        "save_world_clock",
        `UPDATE control.world_clock SET offset_ms = $1, world_ms = $2, steps = $3, stepped_ms = $4, step_ms = $5
         WHERE world_ms <= $2`,
        [offsetMs, worldMs, steps, steppedMs, stepMs],
      );
    },
    async saveDeadLetter(letter) {
      const saved = await rows(
        "save_dead_letter",
        `INSERT INTO control.dead_letter (event_id, dead_at, slot, worker, type, message_version,
           hex_id, layer_id, request_id, account_id, traceparent, envelope, error, attempts)
         VALUES ($1, to_timestamp($2::float8 / 1000), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         ON CONFLICT (event_id) DO NOTHING RETURNING 1`,
        [
          letter.eventId,
          letter.deadAtMs,
          letter.slot,
          letter.worker,
          letter.type,
          letter.messageVersion,
          letter.hexId,
          letter.layerId,
          letter.requestId,
          letter.accountId,
          letter.traceparent,
          Buffer.from(letter.envelope),
          letter.error,
          letter.attempts,
        ],
      );
      return saved.length > 0;
    },
    async deadLetter(eventId) {
      const [row] = await rows<{
        slot: string;
        type: string;
        account_id: string | null;
        envelope: Buffer;
        state: KeptLetter["state"];
      }>(
        "dead_letter",
        "SELECT slot, type, account_id, envelope, state FROM control.dead_letter WHERE event_id = $1",
        [eventId],
      );
      if (row === undefined) return undefined;
      const { account_id: accountId, ...letter } = row;
      return { ...letter, accountId: accountId ?? undefined };
    },
    async markReplayed(eventId) {
      await rows(
        "mark_replayed",
        `UPDATE control.dead_letter SET state = 'replayed', resolved_at = clock_timestamp()
         WHERE event_id = $1 AND state = 'waiting' RETURNING 1`,
        [eventId],
      );
    },
    async waiting() {
      const [letters] = await rows<{ n: number; last: string | null }>(
        "letters_waiting",
        `SELECT count(*)::int AS n,
           (SELECT type || ': ' || left(error, 200) FROM control.dead_letter WHERE state = 'waiting'
            ORDER BY dead_at DESC LIMIT 1) AS last
         FROM control.dead_letter WHERE state = 'waiting'`,
      );
      const hexes = await rows<{ n: number; hex_id: string; layer_id: string; reason: string }>(
        "hexes_quarantined",
        `SELECT count(*) OVER ()::int AS n, hex_id, layer_id, reason FROM world.quarantined_hex
         ORDER BY since LIMIT 3`,
      );
      return {
        letters: letters?.n ?? 0,
        lastLetter: letters?.last ?? "",
        quarantined: hexes[0]?.n ?? 0,
        hexes: hexes.map(({ hex_id: hexId, layer_id: layerId, reason }) => ({
          hexId: BigInt(hexId),
          layerId: Number(layerId),
          reason,
        })),
      };
    },
    close: () => pool.end(),
  };
}

function startError(error: unknown): Error {
  const code = (error as { code?: unknown }).code;
  if (code === "SCHEMA_VERSION") return error as Error;
  const detail = error instanceof Error && error.message !== "" ? error.message : String(code);
  // Undefined table or schema, or no right to it.
  if (code === "42P01" || code === "3F000" || code === "42501") {
    return new Error(`the database is not ready for a router (${detail}): run hexctl migrate`, {
      cause: error,
    });
  }
  return new Error(
    `the router cannot use PostgreSQL (${detail}): check that it runs, and postgresUrl`,
    { cause: error },
  );
}
