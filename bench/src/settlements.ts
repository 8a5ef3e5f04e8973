/**
 * The inventory alone: settlements of trades between many accounts, as the market sends them, from the first publish until
 * the last one is committed and acked. Nothing else of the world does anything meanwhile.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { HoldSchema, SettleSchema } from "@hexhold/gen/hexhold/inventory/v1/holds_pb";
import {
  type Bus,
  createAmqpBus,
  domainQueueOf,
  encodeBatch,
  encodeEnvelope,
  idempotencyKeyOf,
  uuidBytes,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { withConnection } from "@hexhold/postgres";
import { startWorld, type World } from "@hexhold/testing";
import { cpuSeconds } from "./cpu.ts";

export interface SettlementRow {
  /** Settlements of one queue message. */
  readonly batch: number;
  readonly settlements: number;
  readonly perSecond: number;
  /** µs of CPU a settlement, by process. */
  readonly cpuUs: Readonly<Record<string, number>>;
}

const accountCount = 64;
const plenty = 1_000_000_000n;
const batches = [
  { batch: 1, settlements: 3_000 },
  { batch: 16, settlements: 12_800 },
  { batch: 128, settlements: 25_600 },
] as const;
const market = { service: "market", version: "1", instance: "bench" };

interface Account {
  readonly accountId: string;
  readonly buyHold: Uint8Array;
  readonly sellHold: Uint8Array;
}

export async function measureSettlements(rounds: number): Promise<SettlementRow[]> {
  // The market's own process is left out: its answers go to nobody, and wait in their queues.
  const world = await startWorld({
    profile: "cluster",
    env: { HEXHOLD_MARKET__ENABLED: "false", HEXHOLD_INVENTORY__LOG_LEVEL: "warn" },
  });
  const bus = createAmqpBus({
    url: world.brokerUrl("market"),
    appId: "market/bench",
  });
  try {
    await connected(bus);
    const accounts = await accountsWithHolds(world, bus);
    const rows: SettlementRow[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const size of batches) rows.push(await measure(world, bus, accounts, size));
    }
    return rows;
  } finally {
    await bus.close();
    await world.stop();
  }
}

async function connected(bus: Bus): Promise<void> {
  for (let tries = 0; bus.state.mode !== "connected"; tries++) {
    if (tries > 200) throw new Error("the broker takes no connection");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function accountsWithHolds(world: World, bus: Bus): Promise<Account[]> {
  const minted = await world.mint(accountCount);
  const accounts: Account[] = [];
  for (const { accountId } of minted) {
    for (const asset of ["coin", "wood"]) {
      await world.grant(accountId, asset, plenty);
    }
    const account = { accountId, buyHold: uuidv7Bytes(), sellHold: uuidv7Bytes() };
    accounts.push(account);
    const holds = [
      { holdId: account.buyHold, asset: "coin" },
      { holdId: account.sellHold, asset: "wood" },
    ].map(({ holdId, asset }) =>
      envelopeOf(
        "cmd.inventory.hold",
        toBinary(
          HoldSchema,
          create(HoldSchema, {
            holdId,
            accountId: uuidBytes(accountId),
            asset,
            amount: plenty / 2n,
            book: "wood",
            atMs: BigInt(Date.now()),
          }),
        ),
        accountId,
      ),
    );
    await publish(bus, accountId, holds);
  }
  await untilCounted(world, "inventory.hold", 2 * accountCount);
  return accounts;
}

async function measure(
  world: World,
  bus: Bus,
  accounts: readonly Account[],
  { batch, settlements }: { readonly batch: number; readonly settlements: number },
): Promise<SettlementRow> {
  const pids = {
    inventory: world.pidOf("inventory-1"),
    postgres: world.status().services["postgres"]!.pid!,
    rabbitmq: world.status().services["rabbitmq"]!.pid!,
  };
  const before = await countOf(world, "inventory.transaction");
  const messages = Array.from({ length: settlements / batch }, (_, n) => {
    // Of the taker, as the market chooses queues; what is in one message is of one queue.
    const taker = accounts[n % accounts.length]!;
    const envelopes = Array.from({ length: batch }, (_each, i) => {
      const maker = accounts[(n + 1 + ((n + i) % (accounts.length - 1))) % accounts.length]!;
      return settlementOf(taker, maker);
    });
    return { subject: taker.accountId, envelopes };
  });
  const cpu = Object.fromEntries(
    Object.entries(pids).map(([name, pid]) => [name, cpuSeconds(pid, true)]),
  );
  const startedMs = performance.now();
  const published = Promise.all(
    messages.map(({ subject, envelopes }) => publish(bus, subject, envelopes)),
  );
  await untilCounted(world, "inventory.transaction", before + settlements);
  const seconds = (performance.now() - startedMs) / 1000;
  await published;
  const cpuUs = Object.fromEntries(
    Object.entries(pids).map(([name, pid]) => [
      name,
      Math.round(((cpuSeconds(pid, true) - cpu[name]!) * 1e6) / settlements),
    ]),
  );
  const row = { batch, settlements, perSecond: Math.round(settlements / seconds), cpuUs };
  console.log(
    `settlements, ${batch} a message: ${row.perSecond}/s, CPU µs each ${JSON.stringify(cpuUs)}`,
  );
  return row;
}

function settlementOf(taker: Account, maker: Account): Uint8Array {
  const settlement = create(SettleSchema, {
    tradeId: uuidv7Bytes(),
    buyHold: taker.buyHold,
    sellHold: maker.sellHold,
    quantity: 1n,
    price: 100n,
    buyTake: 101n,
    tax: 2n,
    atMs: BigInt(Date.now()),
  });
  return envelopeOf("cmd.inventory.settle", toBinary(SettleSchema, settlement), taker.accountId);
}

function envelopeOf(type: string, payload: Uint8Array, subject: string): Uint8Array {
  const requestId = uuidv7Bytes();
  const target = Buffer.from(subject);
  return encodeEnvelope({
    type,
    messageVersion: 1,
    requestId,
    eventId: requestId,
    producer: market,
    tsMs: Date.now(),
    idempotencyKey: idempotencyKeyOf({ accountId: undefined, requestId, type, target }),
    payload,
    subject,
  });
}

async function publish(bus: Bus, subject: string, envelopes: readonly Uint8Array[]): Promise<void> {
  const message = {
    type: "batch.v1" as const,
    body: encodeBatch({ routeVersion: 0n, envelopes }),
    messageId: uuidText(uuidv7Bytes()),
  };
  // A full queue takes more when some are handled.
  for (let tries = 0; tries < 3_000; tries++) {
    const outcome = await bus.publish(domainQueueOf("inventory", subject), message);
    if (outcome === "confirmed") return;
    if (outcome !== "refused") throw new Error(`a message was ${outcome}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("a queue stays full");
}

function countOf(world: World, table: string): Promise<number> {
  const { url } = world.status().services["postgres"]!;
  return withConnection({ url, applicationName: "bench" }, async (client) => {
    const { rows } = await client.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`);
    return rows[0]?.n ?? 0;
  });
}

async function untilCounted(world: World, table: string, count: number): Promise<void> {
  const endMs = performance.now() + 120_000;
  while ((await countOf(world, table)) < count) {
    if (performance.now() > endMs) throw new Error(`${table} has not come to ${count} rows`);
    // A count reads all that there is, at the cost of who is measured.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
