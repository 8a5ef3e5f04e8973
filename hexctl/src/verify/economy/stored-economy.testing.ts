/** A stored world in which one of everything that trade knows is under way. */
import { create, type Message, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import {
  file_hexhold_takes_v1_takes,
  GiftSchema,
  GoodsReturnedSchema,
  TakeAskedSchema,
  TakeEnd,
  TakeEndedSchema,
} from "@hexhold/gen/hexhold/takes/v1/takes_pb";
import { bucketOf, hexAt } from "@hexhold/hex";
import { createMessageRegistry, uuidBytes, uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { openConnection, type PgClient } from "@hexhold/postgres";
import { openStoredWorld } from "../stored-world.testing.ts";

let client: PgClient;

const id = (): string => uuidText(uuidv7Bytes());
export const [buyer, seller, nobody] = [id(), id(), "00000000-0000-0000-0000-000000000000"];
export const ids = {
  buy: id(),
  sell: id(),
  cancelled: id(),
  granted: id(),
  asked: id(),
  rejected: id(),
  settled: id(),
  unsettled: id(),
  release: id(),
  offer: id(),
  offered: id(),
  item: id(),
  take: id(),
  site: id(),
  /** Asked for, and not heard of by the inventory. */
  pending: id(),
  /** Taken, and not heard of by the hex. */
  heard: id(),
  /** Owed back, and not given. */
  gift: id(),
};

/** A hex whose journal has what it has asked for. */
const hex = { hexId: hexAt(52.5, 13.4), layerId: 0 };
const takeRegistry = createMessageRegistry([file_hexhold_takes_v1_takes]);
let hexVersion = 0;

async function journalled<T extends Message>(
  schema: GenMessage<T>,
  init: MessageInitShape<GenMessage<NoInfer<T>>>,
  commit = uuidv7Bytes(),
): Promise<void> {
  const { type } = takeRegistry.bySchema(schema);
  await addEvent(type, toBinary(schema, create<GenMessage<T>>(schema, init)), commit);
}

async function addEvent(type: string, payload: Uint8Array, commit: Uint8Array): Promise<void> {
  await client.query(
    `INSERT INTO world.journal (bucket, hex_id, layer_id, hex_version, epoch, event_id, type,
       message_version, payload, account_id, idempotency_key, decided_at)
     VALUES ($1, $2, 0, $3, 1, $4, $5, 1, $6, NULL, $7, now())`,
    [bucketOf(hex), hex.hexId.toString(), ++hexVersion, id(), type, Buffer.from(payload), commit],
  );
}

/** A hex has asked the seller for wood, for the site. */
export async function askedTake(takeId: string, amount: bigint): Promise<void> {
  const accountId = uuidBytes(seller);
  const siteId = uuidBytes(ids.site);
  const take = { takeId: uuidBytes(takeId), accountId, asset: "wood", amount, siteId };
  await journalled(TakeAskedSchema, take);
}

/** A hex has heard that it was taken, and has counted it. */
export async function endedTake(takeId: string): Promise<void> {
  const commit = uuidv7Bytes();
  await journalled(TakeEndedSchema, { takeId: uuidBytes(takeId), end: TakeEnd.TAKEN }, commit);
  await addEvent("evt.hex.site-supplied", new Uint8Array(0), commit);
}

/** Ids of ledger accounts: `kind owner asset`. */
const accounts = new Map<string, string>();
async function accountOf(kind: string, owner: string, asset: string): Promise<string> {
  const name = `${kind} ${owner} ${asset}`;
  const { rows } = await client.query<{ id: string }>(
    "SELECT ledger_account_id AS id FROM inventory.open_accounts($1::uuid[], $2, $3)",
    [[owner], [kind], [asset]],
  );
  accounts.set(name, rows[0]!.id);
  return rows[0]!.id;
}

type Posting = readonly [kind: string, owner: string, asset: string, amount: number];
interface Hold {
  readonly id: string;
  readonly service: string;
  readonly account: string;
  readonly asset: string;
  readonly amount: number;
  readonly state: "held" | "refused";
}

async function post(
  transaction: readonly [id: string, kind: string] | undefined,
  postings: readonly Posting[],
  holds: readonly Hold[] = [],
  changes: readonly (readonly [id: string, amount: number])[] = [],
): Promise<void> {
  const to: string[] = [];
  for (const [kind, owner, asset] of postings) to.push(await accountOf(kind, owner, asset));
  const transactions = transaction === undefined ? [] : [transaction];
  await client.query(
    "SELECT inventory.post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    [
      transactions.map(([of]) => of),
      transactions.map(([, kind]) => kind),
      transactions.map(() => Date.now()),
      postings.map(() => 1),
      to,
      postings.map(([, , , amount]) => amount),
      holds.map((hold) => hold.id),
      holds.map(({ service }) => service),
      holds.map(({ account }) => account),
      holds.map(({ asset }) => asset),
      holds.map(({ amount }) => amount),
      holds.map(() => 0),
      holds.map(({ state }) => state),
      holds.map(() => ""),
      holds.map(() => Date.now()),
      changes.map(([of]) => of),
      changes.map(([, amount]) => amount),
    ],
  );
}

const escrow = (account: string, asset: string, amount: number): Posting[] => [
  ["player", account, asset, -amount],
  ["hold", account, asset, amount],
];
const held = (of: string, account: string, asset: string, amount: number): Hold => ({
  id: of,
  service: "market",
  account,
  asset,
  amount,
  state: "held",
});

async function addOrder(
  of: string,
  account: string,
  fields: Record<string, unknown>,
): Promise<void> {
  const row = {
    order_id: of,
    book: "wood",
    account_id: account,
    is_immediate: false,
    fee: 1,
    placed_at: new Date(),
    expires_at: new Date(Date.now() + 3_600_000),
    seq: 0,
    version: 1,
    ...fields,
  };
  const names = Object.keys(row);
  await client.query(
    `INSERT INTO market."order" (${names.join(", ")}) VALUES (${names.map((_, n) => `$${n + 1}`).join(", ")})`,
    Object.values(row),
  );
}

export interface StoredEconomy {
  /** Of a superuser. */
  readonly client: PgClient;
  /** Id of a ledger account that was used. */
  accountId(kind: string, owner: string, asset: string): string;
  close(): Promise<void>;
}

/** Once in a process: its ids are the module's. */
export async function openStoredEconomy(): Promise<StoredEconomy> {
  const world = await openStoredWorld();
  client = await openConnection({ url: world.url, applicationName: "verify-economy-test" });
  await client.query("SET ROLE hexhold_owner");
  await post(
    [id(), "gift"],
    [
      ["mint", nobody, "coin", -100],
      ["player", buyer, "coin", 90],
      ["player", seller, "coin", 10],
    ],
  );
  await post(
    [id(), "gift"],
    [
      ["mint", nobody, "wood", -20],
      ["player", seller, "wood", 20],
    ],
  );
  // A buy of 4 at 7 that met a sell of 2: one trade is settled, one is not.
  await post([ids.buy, "hold"], escrow(buyer, "coin", 28), [held(ids.buy, buyer, "coin", 28)]);
  await post([ids.sell, "hold"], escrow(seller, "wood", 2), [held(ids.sell, seller, "wood", 2)]);
  await addOrder(ids.buy, buyer, {
    side: 1,
    price: 7,
    quantity: 4,
    state: 2,
    seq: 1,
    open: 2,
    filled: 2,
  });
  const ended = { ended_at: new Date() };
  await addOrder(ids.sell, seller, {
    side: 2,
    price: 6,
    quantity: 2,
    state: 3,
    seq: 2,
    filled: 2,
    ...ended,
  });
  for (const [nth, trade] of [ids.settled, ids.unsettled].entries()) {
    await client.query(
      `INSERT INTO market.trade (trade_id, book, nth, buy_order, sell_order, quantity, price, buy_take, tax, taker_side, at)
       VALUES ($1, 'wood', $2, $3, $4, 1, 6, 7, 1, 2, now())`,
      [trade, nth + 1, ids.buy, ids.sell],
    );
  }
  await post(
    [ids.settled, "trade"],
    [
      ["hold", buyer, "coin", -7],
      ["player", buyer, "coin", 1],
      ["player", seller, "coin", 5],
      ["burn", nobody, "coin", 1],
      ["hold", seller, "wood", -1],
      ["player", buyer, "wood", 1],
    ],
    [],
    [
      [ids.buy, -7],
      [ids.sell, -1],
    ],
  );
  // Cancelled, and what it held is not given back yet; granted and not heard of; asked for; rejected.
  await post([ids.cancelled, "hold"], escrow(seller, "wood", 3), [
    held(ids.cancelled, seller, "wood", 3),
  ]);
  await addOrder(ids.cancelled, seller, {
    side: 2,
    price: 9,
    quantity: 3,
    state: 4,
    seq: 3,
    ended: 3,
    ended_reason: "cancelled",
    release_id: ids.release,
    ...ended,
  });
  await post([ids.granted, "hold"], escrow(buyer, "coin", 10), [
    held(ids.granted, buyer, "coin", 10),
  ]);
  for (const of of [ids.granted, ids.asked]) {
    await addOrder(of, buyer, { side: 1, price: 5, quantity: 2, state: 1 });
  }
  await post(undefined, [], [{ ...held(ids.rejected, buyer, "coin", 50), state: "refused" }]);
  await addOrder(ids.rejected, buyer, {
    side: 1,
    price: 5,
    quantity: 10,
    state: 6,
    ended: 10,
    ...ended,
  });
  // An offer of wood and an item.
  await post([ids.offer, "offer"], escrow(seller, "wood", 4), [
    { ...held(ids.offered, seller, "wood", 4), service: "inventory" },
  ]);
  await client.query(
    `INSERT INTO inventory.item (item_id, kind, owner, held_by, attributes, made_by, made_at, version)
     VALUES ($1, 'plaque', $2, $3, '', $3, now(), 1)`,
    [ids.item, seller, ids.offer],
  );
  await client.query("INSERT INTO inventory.item_move VALUES ($1, 1, NULL, $2, $3, now())", [
    ids.item,
    seller,
    ids.offer,
  ]);
  await client.query(
    `INSERT INTO inventory.offer VALUES ($1, $2, $3, '', sha256(''), 'open', now(), now() + interval '1 h')`,
    [ids.offer, seller, buyer],
  );
  await client.query(
    `INSERT INTO inventory.offer_line VALUES ($1, 'give', 0, 'wood', 4, NULL, $2), ($1, 'give', 1, NULL, NULL, $3, NULL)`,
    [ids.offer, ids.offered, ids.item],
  );
  // Goods for a site.
  await post(
    [ids.take, "take"],
    [
      ["player", seller, "wood", -2],
      ["burn", nobody, "wood", 2],
    ],
  );
  await client.query(
    "INSERT INTO inventory.take VALUES ($1, $2, 'wood', 2, 'taken', '', $3, now())",
    [ids.take, seller, ids.site],
  );
  await post(
    [ids.heard, "take"],
    [
      ["player", seller, "wood", -1],
      ["burn", nobody, "wood", 1],
    ],
  );
  await client.query(
    "INSERT INTO inventory.take VALUES ($1, $2, 'wood', 1, 'taken', '', $3, now())",
    [ids.heard, seller, ids.site],
  );
  await client.query("INSERT INTO inventory.site_taken VALUES ($1, $2, 'wood', 3, 0)", [
    ids.site,
    seller,
  ]);
  await client.query("RESET ROLE");
  await askedTake(ids.take, 2n);
  await endedTake(ids.take);
  await askedTake(ids.pending, 7n);
  await askedTake(ids.heard, 1n);
  await journalled(GoodsReturnedSchema, {
    siteId: uuidBytes(ids.site),
    gifts: [
      create(GiftSchema, {
        giveId: uuidBytes(ids.gift),
        accountId: uuidBytes(seller),
        asset: "wood",
        amount: 2n,
      }),
    ],
  });
  return {
    client,
    accountId: (kind, owner, asset) => accounts.get(`${kind} ${owner} ${asset}`)!,
    async close() {
      await client.end();
      await world.drop();
    },
  };
}
