/** A stored world with a hex that has had two owners, of which the second is on its way, and an election that is open elsewhere. */
import { create, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { Game } from "@hexhold/actor";
import { OwnerChangedSchema } from "@hexhold/gen/hexhold/ownership/v1/ownership_pb";
import { bucketOf, keyText, parseKeyText } from "@hexhold/hex";
import { uuidBytes, uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { openConnection, type PgClient } from "@hexhold/postgres";
import { messageFile } from "@hexhold/testing/message-file";
import { game as reference, keys, openStoredWorld } from "../stored-world.testing.ts";

const file = messageFile([
  {
    name: "Done",
    fields: ["account", "value", "ms"],
    contract: { type: "evt.hex.done", version: 1, consumers: ["governance"] },
  },
]);
const doneSchema = file.messages[0]! as GenMessage<Message>;

/** The reference game with an event by which somebody does something for a hex. */
export const game: Game = {
  ...reference,
  descriptors: [...reference.descriptors, file],
  standing(event) {
    const { account, value, ms } = event as unknown as Record<string, string>;
    return [{ accountId: uuidBytes(account!), value: BigInt(value!), atMs: BigInt(ms!) }];
  },
};

const id = (): string => uuidText(uuidv7Bytes());

export interface StoredCouncil {
  /** Of a superuser. */
  readonly client: PgClient;
  readonly hex: string;
  readonly elsewhere: string;
  readonly accounts: readonly [string, string, string];
  /** Event of a hex that governance has not counted. */
  readonly owed: string;
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
  const events = places.map(id);
  const of = (n: 0 | 1): string[] => places.map((place) => place[n]!);
  await client.query("SELECT governance.lock_reputation($1, $2)", [of(0), of(1)]);
  await client.query("SELECT governance.contribute($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", [
    events,
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
  const changed = create(OwnerChangedSchema, {
    number: 1n,
    owner: uuidBytes(accounts[1]),
    untilMs: BigInt(startMs + hourMs),
    electionId: uuidBytes(elections[0]),
    atMs: BigInt(startMs + 2000),
  });
  await journal(client, hex, 1, {
    type: "evt.hex.owner-changed",
    eventId: id(),
    payload: toBinary(OwnerChangedSchema, changed),
  });
  const owed = id();
  const done = [
    ...places.map((place, n) => [events[n]!, ...place] as const),
    [owed, accounts[0], hex] as const,
  ];
  for (const [n, [eventId, account, where]] of done.entries()) {
    const message = create(doneSchema, { account, value: "100", ms: String(startMs) } as never);
    const payload = toBinary(doneSchema, message);
    await journal(client, where!, n + 2, { type: "evt.hex.done", eventId, payload });
  }
  return {
    client,
    hex,
    elsewhere,
    accounts,
    elections,
    owed,
    async close() {
      await client.end();
      await world.drop();
    },
  };
}

async function journal(
  client: PgClient,
  hex: string,
  hexVersion: number,
  event: { readonly type: string; readonly eventId: string; readonly payload: Uint8Array },
): Promise<void> {
  const key = parseKeyText(hex);
  await client.query(
    `INSERT INTO world.journal (bucket, hex_id, layer_id, hex_version, epoch, event_id, type, message_version, payload,
       idempotency_key, decided_at)
     VALUES ($1, $2, $3, $4, 1, $5, $6, 1, $7, $8, now())`,
    [
      bucketOf(key),
      key.hexId.toString(),
      key.layerId,
      hexVersion,
      event.eventId,
      event.type,
      Buffer.from(event.payload),
      uuidv7Bytes(),
    ],
  );
}
