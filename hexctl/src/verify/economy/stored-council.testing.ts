/** A stored world with a hex that has had two owners, of which the second is on its way, and an election that is open elsewhere. */
import { create, toBinary } from "@bufbuild/protobuf";
import { OwnerChangedSchema } from "@hexhold/gen/hexhold/ownership/v1/ownership_pb";
import { bucketOf, keyText, parseKeyText } from "@hexhold/hex";
import { uuidBytes, uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { openConnection, type PgClient } from "@hexhold/postgres";
import { keys, openStoredWorld } from "../stored-world.testing.ts";

const id = (): string => uuidText(uuidv7Bytes());

export interface StoredCouncil {
  /** Of a superuser. */
  readonly client: PgClient;
  readonly hex: string;
  readonly elsewhere: string;
  readonly accounts: readonly [string, string, string];
  /** Won, won, open. */
  readonly elections: readonly [string, string, string];
  close(): Promise<void>;
}

const hourMs = 3_600_000;

export async function openStoredCouncil(): Promise<StoredCouncil> {
  const world = await openStoredWorld();
  const client = await openConnection({ url: world.url, applicationName: "verify-council-test" });
  const [hex, elsewhere] = [keyText(keys[0]!), keyText(keys[1]!)] as const;
  const accounts = [id(), id(), id()] as const;
  const elections = [id(), id(), id()] as const;
  const nowMs = Date.now();
  const startMs = nowMs - 72 * hourMs;
  const dayOf = (ms: number): number => Math.floor(ms / 86_400_000);
  await client.query("SET ROLE hexhold_owner");
  await client.query("SELECT governance.keep_fade(977)");
  const places = accounts.flatMap((account) => [
    [account, hex],
    [account, elsewhere],
  ]);
  const of = (n: 0 | 1): string[] => places.map((place) => place[n]!);
  await client.query("SELECT governance.lock_reputation($1, $2)", [of(0), of(1)]);
  await client.query("SELECT governance.contribute($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", [
    places.map(id),
    places.map(() => 1),
    of(0),
    of(1),
    places.map(() => 100),
    places.map(() => startMs),
    of(0),
    of(1),
    places.map(() => 100),
    places.map(() => dayOf(startMs)),
  ]);
  for (const [n, election] of elections.entries()) {
    const where = n === 2 ? elsewhere : hex;
    const opensMs = startMs + n * hourMs;
    await client.query("SELECT governance.residence($1, $2, $3, $4, $5)", [
      [...accounts],
      accounts.map(() => where),
      accounts.map(() => n),
      accounts.map(() => startMs),
      accounts.map(() => true),
    ]);
    await client.query("SELECT governance.lock_heads($1)", [[where]]);
    await client.query("SELECT governance.call($1, $2, $3, 1::smallint, NULL, $4, $5, $6, $7)", [
      election,
      where,
      accounts[0],
      opensMs,
      n === 2 ? nowMs + hourMs : opensMs + 1000,
      [...accounts],
      accounts.map(() => 90),
    ]);
    await client.query("INSERT INTO governance.candidate VALUES ($1, $2, '', now())", [
      election,
      accounts[1],
    ]);
    for (const voter of accounts.slice(0, 2)) {
      await client.query("INSERT INTO governance.ballot VALUES ($1, $2, $3, $4, 1, now())", [
        id(),
        election,
        voter,
        accounts[1],
      ]);
    }
    if (n === 2) continue;
    await client.query("SELECT governance.close($1, $2, 180, 2, '', $3, $4)", [
      election,
      opensMs + 1000,
      accounts[1],
      opensMs + hourMs,
    ]);
  }
  await client.query("SELECT governance.applied($1, $2, $3)", [[hex], [1], [startMs + 2000]]);
  await client.query("RESET ROLE");
  const key = parseKeyText(hex);
  const changed = create(OwnerChangedSchema, {
    number: 1n,
    owner: uuidBytes(accounts[1]),
    untilMs: BigInt(startMs + hourMs),
    electionId: uuidBytes(elections[0]),
    atMs: BigInt(startMs + 2000),
  });
  await client.query(
    `INSERT INTO world.journal (bucket, hex_id, layer_id, hex_version, epoch, event_id, type, message_version, payload,
       idempotency_key, decided_at)
     VALUES ($1, $2, $3, 1, 1, $4, 'evt.hex.owner-changed', 1, $5, $6, now())`,
    [
      bucketOf(key),
      key.hexId.toString(),
      key.layerId,
      id(),
      Buffer.from(toBinary(OwnerChangedSchema, changed)),
      uuidv7Bytes(),
    ],
  );
  return {
    client,
    hex,
    elsewhere,
    accounts,
    elections,
    async close() {
      await client.end();
      await world.drop();
    },
  };
}
