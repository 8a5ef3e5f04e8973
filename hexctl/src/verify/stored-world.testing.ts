/** A world as a worker would have stored it, for tests that read stores. */
import path from "node:path";
import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { PlayerEnteredSchema, PlayerSpawnedSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { GatheredSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { bucketOf, diskOf, hexAt, type Key, keyText } from "@hexhold/hex";
import { createMessageRegistry, sha256, uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { migrate, openPool, type PgPool } from "@hexhold/postgres";
import { createGame } from "@hexhold/reference-game";
import { freshDatabase } from "@hexhold/testing";
import type { Snapshot } from "@hexhold/worker";

export const game = createGame({});
const registry = createMessageRegistry(game.descriptors);
/** Of several buckets, with and without a layer. */
export const keys: readonly Key[] = [
  ...diskOf(hexAt(52.5, 13.4), 2).map((hexId) => ({ hexId, layerId: 0 })),
  { hexId: hexAt(52.5, 13.4), layerId: 3 },
];
export const epoch = 7n;

export interface StoredWorld {
  readonly url: string;
  readonly pool: PgPool;
  drop(): Promise<void>;
}

/** An empty, migrated database. */
export async function openStoredWorld(): Promise<StoredWorld> {
  const database = await freshDatabase();
  const directory = path.resolve(import.meta.dirname, "../../../infra/pg_migrations");
  await migrate({ adminUrl: database.url, directory });
  const pool = openPool({ url: database.url, applicationName: "stored-world-test" }, 2);
  return {
    url: database.url,
    pool,
    async drop() {
      await pool.end();
      await database.drop();
    },
  };
}

/** The player of a hex: 16 bytes that say which. */
export function playerOf(key: Key): Uint8Array {
  return new Uint8Array(16).fill(keys.indexOf(key) + 1);
}

/** What is journalled of a hex in which one player gathers. */
function eventsOf(key: Key): { schema: GenMessage<Message>; message: Message }[] {
  const playerId = playerOf(key);
  const event = <T extends Message>(schema: GenMessage<T>, message: T) => ({
    schema: schema as GenMessage<Message>,
    message,
  });
  return [
    event(PlayerSpawnedSchema, create(PlayerSpawnedSchema, { playerId, atMs: 1n })),
    event(PlayerEnteredSchema, create(PlayerEnteredSchema, { playerId, atMs: 2n })),
    ...[3n, 4n, 5n].map((n) => {
      const gathered = { playerId, resource: Resource.WOOD, amount: n, left: 90n - n, atMs: n };
      return event(GatheredSchema, create(GatheredSchema, gathered));
    }),
  ];
}

export const lastVersion = eventsOf(keys[0]!).length;

/** The event that made `hexVersion`, 16 bytes. */
export function eventIdOf(key: Key, hexVersion: number): Uint8Array {
  const id = new Uint8Array(16).fill(keys.indexOf(key) + 1);
  id[15] = hexVersion;
  return id;
}

/** The snapshot that a worker would save at `hexVersion`. */
export function snapshotOf(key: Key, hexVersion: number): Snapshot {
  let parts = game.hex.initialState(key);
  for (const { schema, message } of eventsOf(key).slice(0, hexVersion)) {
    parts = game.hex.evolve(parts, fromBinary(schema, toBinary(schema, message)));
  }
  const durable = toBinary(game.hex.durableSchema, parts.durable);
  return {
    key,
    keyText: keyText(key),
    bucket: bucketOf(key),
    epoch,
    hexVersion,
    lastEventId: hexVersion === 0 ? undefined : eventIdOf(key, hexVersion),
    volatileCount: 0,
    stateFormat: game.hex.stateFormat,
    durable,
    durableHash: sha256(durable),
    volatile: new Uint8Array(0),
    readable: "{}",
    updatedMs: 0,
  };
}

/** Heads and journals of `keys`, and nothing else. The players' own commands are theirs, `spawn` a service's. */
export async function fillWorld(pool: PgPool): Promise<void> {
  await pool.query(
    "TRUNCATE world.hex_head, world.journal, world.hex_base, world.snapshot, world.quarantined_hex",
  );
  for (const key of keys) {
    const place = [bucketOf(key), key.hexId.toString(), key.layerId];
    await pool.query(
      `INSERT INTO world.hex_head (bucket, hex_id, layer_id, hex_version, epoch, slot, decided_at)
       VALUES ($1, $2, $3, $4, $5, 'cmd.p1', now())`,
      [...place, lastVersion, epoch],
    );
    for (const [i, { schema, message }] of eventsOf(key).entries()) {
      const { type } = registry.bySchema(schema);
      await pool.query(
        `INSERT INTO world.journal (bucket, hex_id, layer_id, hex_version, epoch, event_id, type,
           message_version, payload, account_id, idempotency_key, decided_at)
         VALUES ($1, $2, $3, $4, $5, $10, $6, 1, $7, $8, $9, now())`,
        [
          ...place,
          i + 1,
          epoch,
          type,
          Buffer.from(toBinary(schema, message)),
          i === 0 ? null : uuidText(playerOf(key)),
          uuidv7Bytes(),
          uuidText(eventIdOf(key, i + 1)),
        ],
      );
    }
  }
}
