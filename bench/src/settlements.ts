/**
 * The inventory alone: settlements of trades between many accounts, as the market sends them, from the first publish until
 * the last one is committed and acked. Nothing else of the world does anything meanwhile.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { HoldSchema, SettleSchema } from "@hexhold/gen/hexhold/inventory/v1/holds_pb";
import { type Bus, domainQueueOf, uuidBytes, uuidv7Bytes } from "@hexhold/messaging";
import { startWorld, type World } from "@hexhold/testing";
import { cpuSeconds } from "./cpu.ts";
import { connectedBus, publishBatch, serviceEnvelope } from "./service-messages.ts";
import { openTriggerLedger } from "./trigger-ledger.ts";
import { countOf, untilCount } from "./world-sql.ts";

export interface SettlementRow {
  /** Settlements of one queue message. */
  readonly batch: number;
  readonly settlements: number;
  readonly perSecond: number;
  /** Of the triggers that kept the ledger of release 0.2.0, by themselves, just before. */
  readonly triggersPerSecond: number;
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
  const bus = await connectedBus(world.brokerUrl("market"), "market/bench");
  try {
    const accounts = await accountsWithHolds(world, bus);
    const triggers = await openTriggerLedger(urlOf(world), accountCount);
    const rows: SettlementRow[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const size of batches) {
        const perSecond = await triggers.measure(size.batch, size.settlements);
        rows.push(await measure(world, bus, accounts, size, Math.round(perSecond)));
      }
    }
    await triggers.close();
    return rows;
  } finally {
    await bus.close();
    await world.stop();
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
      serviceEnvelope(
        "market",
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
    await publishBatch(bus, domainQueueOf("inventory", accountId), holds);
  }
  await untilCount(urlOf(world), "inventory.hold", 2 * accountCount);
  return accounts;
}

async function measure(
  world: World,
  bus: Bus,
  accounts: readonly Account[],
  { batch, settlements }: { readonly batch: number; readonly settlements: number },
  triggersPerSecond: number,
): Promise<SettlementRow> {
  const pids = {
    inventory: world.pidOf("inventory-1"),
    postgres: world.status().services["postgres"]!.pid!,
    rabbitmq: world.status().services["rabbitmq"]!.pid!,
  };
  const before = await countOf(urlOf(world), "inventory.transaction");
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
    messages.map(({ subject, envelopes }) =>
      publishBatch(bus, domainQueueOf("inventory", subject), envelopes),
    ),
  );
  await untilCount(urlOf(world), "inventory.transaction", before + settlements);
  const seconds = (performance.now() - startedMs) / 1000;
  await published;
  const cpuUs = Object.fromEntries(
    Object.entries(pids).map(([name, pid]) => [
      name,
      Math.round(((cpuSeconds(pid, true) - cpu[name]!) * 1e6) / settlements),
    ]),
  );
  const perSecond = Math.round(settlements / seconds);
  const row = { batch, settlements, perSecond, triggersPerSecond, cpuUs };
  console.log(
    `settlements, ${batch} a message: ${perSecond}/s, the triggers alone ${triggersPerSecond}/s, ` +
      `CPU µs each ${JSON.stringify(cpuUs)}`,
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
  return serviceEnvelope(
    "market",
    "cmd.inventory.settle",
    toBinary(SettleSchema, settlement),
    taker.accountId,
  );
}

function urlOf(world: World): string {
  return world.status().services["postgres"]!.url;
}
