/**
 * Orders on their whole way, as players send them: placed, escrow granted, matched, settled. In turn with the bare wire, which
 * carries one command and one answer.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { type Client, connect, createMarket, type Market } from "@hexhold/client";
import { ChangedSchema } from "@hexhold/gen/hexhold/inventory/v1/events_pb";
import { Fill, OrderState, Side } from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { OrderChangedSchema } from "@hexhold/gen/hexhold/market/v1/events_pb";
import { createManagementApi, uuidText } from "@hexhold/messaging";
import { startWorld, type World } from "@hexhold/testing";
import { baselineTarget } from "./baseline/target.ts";
import { startBaseline } from "./baseline/start.ts";
import { cpuSeconds } from "./cpu.ts";
import { createMeter } from "./meter.ts";
import { baselinePids, type Pids } from "./pids.ts";

export interface MarketOrdersRow {
  readonly outstanding: number;
  readonly round: number;
  readonly orders: number;
  readonly perSecond: number;
  /** From the send to the event that it is open, or filled at once; ms. */
  readonly open: Percentiles;
  /** Of those that were filled at once: from the send until the event that the goods are there; ms. */
  readonly settled: Percentiles;
  readonly filledAtOnce: number;
  /** That the broker took from publishers, an order. */
  readonly messages: number;
  /** CPU microseconds an order, by process. */
  readonly cpuUs: Readonly<Record<string, number>>;
  /** Commands a second over the bare wire in the same round, and the share of it. */
  readonly bareWirePerSecond: number;
  readonly ratio: number;
}

export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

const levels = [1, 32, 128] as const;
const accounts = 256;
const books = ["wood", "stone", "food"] as const;
/** The market takes five commands of an account in a second. */
const pauseMs = 250;
const baselinePort = 17_610;
/** The management API's figures are as old. */
const statisticsMs = 6_000;

interface Trader {
  readonly market: Market;
  readonly client: Client;
  freeAtMs: number;
  /** What is waited for. */
  onOrder: (orderId: string, state: OrderState) => void;
  onBalance: (asset: string) => void;
}

export async function measureMarketOrders(
  rounds: number,
  times: { readonly warmUpMs: number; readonly measuredMs: number },
): Promise<MarketOrdersRow[]> {
  const world = await startWorld({
    profile: "cluster",
    env: {
      HEXHOLD_GATEWAY__NEWCOMERS_PER_ADDRESS_MAX: "100000",
      HEXHOLD_GATEWAY__NEWCOMERS_MAX: "100000",
      HEXHOLD_GATEWAY__TOKEN_CHECKS_PER_ADDRESS_PER_S: "100000",
      HEXHOLD_MARKET__ORDERS_PER_BOOK_MAX: "1000",
      HEXHOLD_MARKET__RESTING_MAX: "100000",
    },
  });
  const { services } = world.status();
  const baseline = await startBaseline(
    services["postgres"]!.url,
    services["rabbitmq"]!.url,
    baselinePort,
  );
  const bareMeter = createMeter({ sockets: 32, ...times });
  const traders = await openTraders(world);
  const rows: MarketOrdersRow[] = [];
  try {
    for (const outstanding of levels) {
      for (let round = 1; round <= rounds; round++) {
        const bare = baselineTarget(baseline.url);
        await bareMeter.run("baseline", bare, baselinePids(baseline, world), outstanding, round);
        const bareWirePerSecond = bareMeter.rows.at(-1)!.perSecond;
        const measured = await measure(world, traders, outstanding, times);
        const ratio = measured.perSecond / bareWirePerSecond;
        const row = { outstanding, round, ...measured, bareWirePerSecond, ratio };
        rows.push(row);
        console.log(line(row));
      }
    }
    return rows;
  } finally {
    for (const { client } of traders) client.close();
    await baseline.stop();
    await world.stop();
  }
}

function line(row: MarketOrdersRow): string {
  const { outstanding, perSecond, open, settled, messages, ratio, cpuUs } = row;
  const text = ({ p50, p95, p99 }: Percentiles): string => `${p50}/${p95}/${p99}`;
  return (
    `orders @${outstanding}: ${perSecond}/s, ms (p50/p95/p99) to open ${text(open)}, to settled ${text(settled)}, ` +
    `${messages.toFixed(1)} messages an order, ${ratio.toFixed(2)} of the bare wire, CPU µs each ${JSON.stringify(cpuUs)}`
  );
}

async function openTraders(world: World): Promise<Trader[]> {
  const minted = await world.mint(accounts);
  const traders: Trader[] = [];
  for (const { accountId, token } of minted) {
    for (const asset of ["coin", ...books]) await world.grant(accountId, asset, 1_000_000_000n);
    const client = await connect({ url: world.status().endpoints.ws, token });
    const trader: Trader = {
      client,
      market: createMarket(client),
      freeAtMs: 0,
      onOrder: () => undefined,
      onBalance: () => undefined,
    };
    client.listen("player", (update) => {
      if (update.kind !== "event") return;
      if (update.type === "evt.market.order-changed") {
        const { orderId, state } = fromBinary(OrderChangedSchema, update.payload);
        trader.onOrder(uuidText(orderId), state);
      } else if (update.type === "evt.inventory.changed") {
        trader.onBalance(fromBinary(ChangedSchema, update.payload).asset);
      }
    });
    traders.push(trader);
  }
  return traders;
}

async function measure(
  world: World,
  traders: Trader[],
  outstanding: number,
  { warmUpMs, measuredMs }: { readonly warmUpMs: number; readonly measuredMs: number },
): Promise<Omit<MarketOrdersRow, "outstanding" | "round" | "bareWirePerSecond" | "ratio">> {
  const open: number[] = [];
  const settled: number[] = [];
  const settling = new Set<Promise<void>>();
  const free = traders.slice();
  let n = 0;
  const startMs = performance.now() + warmUpMs;
  const endMs = startMs + measuredMs;
  const isMeasured = (ms: number): boolean => ms >= startMs && ms < endMs;

  async function once(): Promise<void> {
    const trader = free.shift()!;
    const waitMs = trader.freeAtMs - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    const nth = n++;
    const order = {
      book: books[nth % books.length]!,
      side: nth % 2 === 0 ? Side.BUY : Side.SELL,
      price: BigInt(95 + ((nth * 7) % 11)),
      quantity: BigInt(1 + ((nth * 5) % 9)),
      fill: Fill.GTC,
    };
    const states = new Map<string, { readonly state: OrderState; readonly atMs: number }>();
    const own: { id?: string } = {};
    const opened = Promise.withResolvers<{ readonly state: OrderState; readonly atMs: number }>();
    trader.onOrder = (id, state) => {
      if (state === OrderState.RESERVING) return;
      const seen = { state, atMs: performance.now() };
      if (id === own.id) opened.resolve(seen);
      else if (!states.has(id)) states.set(id, seen);
    };
    const gets = order.side === Side.BUY ? order.book : "coin";
    let goodsMs: number | undefined;
    const goods = Promise.withResolvers<void>();
    trader.onBalance = (asset) => {
      if (asset !== gets) return;
      goodsMs = performance.now();
      goods.resolve();
    };
    const sentMs = performance.now();
    trader.freeAtMs = sentMs + pauseMs;
    const outcome = await trader.market.place(order);
    if (outcome.outcome !== "applied") {
      throw new Error(
        `an order was ${JSON.stringify(outcome, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value))}`,
      );
    }
    own.id = uuidText(outcome.result.orderId);
    const early = states.get(own.id);
    const { state, atMs } = early ?? (await opened.promise);
    if (state === OrderState.REJECTED) throw new Error("an order was rejected");
    if (isMeasured(atMs)) open.push(atMs - sentMs);
    if (state !== OrderState.FILLED) {
      free.push(trader);
      return;
    }
    // The account trades on when its goods are there; the next order of the loop is another's.
    settling.add(
      goods.promise.then(() => {
        if (isMeasured(goodsMs!)) settled.push(goodsMs! - sentMs);
        free.push(trader);
        return undefined;
      }),
    );
  }

  const pids = pidsOf(world);
  const cpuOf = (pid: number): number => cpuSeconds(pid, pid !== process.pid);
  let cpuBefore = new Map<string, number>();
  let cpuAfter = new Map<string, number>();
  const snapshot = (): Map<string, number> =>
    new Map(Object.entries(pids).map(([name, pid]) => [name, cpuOf(pid)]));
  const marks = [
    new Promise<void>((resolve) =>
      setTimeout(() => {
        cpuBefore = snapshot();
        resolve();
      }, warmUpMs),
    ),
    new Promise<void>((resolve) =>
      setTimeout(() => {
        cpuAfter = snapshot();
        resolve();
      }, warmUpMs + measuredMs),
    ),
  ];
  const publishedBefore = await published(world);
  let placed = 0;
  await Promise.all(
    Array.from({ length: outstanding }, async () => {
      while (performance.now() < endMs) {
        await once();
        placed++;
      }
    }),
  );
  await Promise.all([...marks, ...settling]);
  await new Promise((resolve) => setTimeout(resolve, statisticsMs));
  const messages = ((await published(world)) - publishedBefore) / placed;
  return {
    orders: open.length,
    perSecond: Math.round((open.length * 1000) / measuredMs),
    open: percentiles(open),
    settled: percentiles(settled),
    filledAtOnce: settled.length,
    messages,
    cpuUs: Object.fromEntries(
      Object.keys(pids).map((name) => [
        name,
        Math.round(((cpuAfter.get(name)! - cpuBefore.get(name)!) * 1e6) / open.length),
      ]),
    ),
  };
}

function pidsOf(world: World): Pids {
  const { services } = world.status();
  return {
    gateway: world.pidOf("gateway-1"),
    market: world.pidOf("market-1"),
    inventory: world.pidOf("inventory-1"),
    worker: world.pidOf("worker-1"),
    postgres: services["postgres"]!.pid!,
    rabbitmq: services["rabbitmq"]!.pid!,
    load: process.pid,
  };
}

/** Messages that the broker has taken so far. */
async function published(world: World): Promise<number> {
  const { managementUrl } = world.status().services["rabbitmq"]!;
  const overview = (await createManagementApi(managementUrl!)("GET", "/api/overview")) as {
    readonly message_stats?: { readonly publish?: number };
  };
  return overview.message_stats?.publish ?? 0;
}

function percentiles(values: number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    Math.round(
      sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN,
    );
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
