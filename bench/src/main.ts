/**
 * `npm run bench`: the product beside a bare-wire baseline, alternating in one run on one set of services.
 * What is measured and how: bench/README.md.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { gatewayUrls, machineOf, startWorld, untilSpread } from "@hexhold/testing";
import { startBaseline } from "./baseline/start.ts";
import { baselineTarget } from "./baseline/target.ts";
import { acknowledgeAll } from "./inventory-sink.ts";
import { measureMarketOrders } from "./market-orders.ts";
import { measureMarketService } from "./market-service.ts";
import { measureSettlements } from "./settlements.ts";
import { createMeter, type Row } from "./meter.ts";
import { baselinePids, clusterPids, embeddedPids } from "./pids.ts";
import {
  measureFailOver,
  measureLogins,
  measureTransfers,
  severalPids,
  workerNames,
} from "./several.ts";
import { coldCount, hexCount, type LoadKind, productTarget } from "./product-target.ts";

const sockets = 32;
/** Kills of a worker. */
const failOverRounds = 5;
const baselinePort = 17_600;
/** The product keeps so much of what its own wire and store can do; bench/README.md. */
const ratioMin = 0.6;
const promisedLevels = new Set([128, 512]);

const { values: flags } = parseArgs({
  options: {
    json: { type: "string" },
    outstanding: { type: "string", default: "1,32,128,512,2048" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "5" },
    "warm-up": { type: "string", default: "5" },
    only: {
      type: "string",
      default:
        "baseline,product,hot-hex,move,cold,embedded,several,login,transfer,fail-over,settlements,market,orders",
    },
  },
});
const levels = flags.outstanding.split(",").map(Number);
const rounds = Number(flags.rounds);
const wanted = new Set(flags.only.split(","));
const times = {
  warmUpMs: Number(flags["warm-up"]) * 1000,
  measuredMs: Number(flags.seconds) * 1000,
};
const meter = createMeter({ sockets, ...times });

const gameEnv = {
  HEXHOLD_GAME__MODULE: "bench/src/bench-game.ts",
  HEXHOLD_GAME__OPTIONS__STOCK_CAPACITY: "1000000000",
  HEXHOLD_GATEWAY__COMMANDS_PER_S: "1000000",
  HEXHOLD_GATEWAY__COMMANDS_BURST: "1000000",
  HEXHOLD_GATEWAY__COMMANDS_IN_FLIGHT_MAX: "4096",
  // All players have one address here, and come at once.
  HEXHOLD_GATEWAY__NEWCOMERS_PER_ADDRESS_MAX: "100000",
  HEXHOLD_GATEWAY__NEWCOMERS_MAX: "100000",
  HEXHOLD_GATEWAY__TOKEN_CHECKS_PER_ADDRESS_PER_S: "100000",
  HEXHOLD_GATEWAY__LOG_LEVEL: "warn",
};
/** The outbox ends at a consumer that only acks, or at nobody: what is measured is the world, not the ledger. */
const withoutInventory = { HEXHOLD_INVENTORY__ENABLED: "false" };
const ofCluster = ["baseline", "product", "hot-hex", "move", "cold"];
const versions = ofCluster.some((kind) => wanted.has(kind)) ? await measureCluster() : {};
if (wanted.has("embedded")) await measureEmbedded();
const failOverMs = await measureSeveral();
const settlements = wanted.has("settlements") ? await measureSettlements(rounds) : [];
const market = wanted.has("market") ? await measureMarketService(rounds) : [];
const orders = wanted.has("orders") ? await measureMarketOrders(rounds, times) : [];
const failed = report();
if (flags.json !== undefined) {
  writeFileSync(
    flags.json,
    `${JSON.stringify({ machine: machineOf(), versions, rows: meter.rows, failOverMs, settlements, market, orders }, undefined, 2)}\n`,
  );
}
const checked = levels.filter((level) => promisedLevels.has(level)).length;
console.log(`${checked - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

async function measureCluster(): Promise<Readonly<Record<string, string>>> {
  const world = await startWorld({
    profile: "cluster",
    env: { ...gameEnv, ...withoutInventory, HEXHOLD_WORKER__LOG_LEVEL: "warn" },
  });
  const { services, endpoints } = world.status();
  const sink = await acknowledgeAll(services["rabbitmq"]!.url);
  const baseline = await startBaseline(
    services["postgres"]!.url,
    services["rabbitmq"]!.url,
    baselinePort,
  );
  try {
    const players = await world.mint(sockets);
    const product = (kind: LoadKind) => productTarget(endpoints.ws, players, kind);
    const pids = clusterPids(world);
    if (wanted.has("cold")) await meter.each("cold", product("cold"), pids, coldCount, 1);
    if (wanted.has("product")) {
      await meter.each("first-touch", product("warm-up"), pids, hexCount, 32);
    }
    for (const outstanding of levels) {
      for (let round = 1; round <= rounds; round++) {
        if (wanted.has("baseline")) {
          const target = baselineTarget(baseline.url);
          await meter.run("baseline", target, baselinePids(baseline, world), outstanding, round);
        }
        if (wanted.has("product")) {
          await meter.run("product", product("gather"), pids, outstanding, round);
        }
      }
    }
    for (const kind of ["hot-hex", "move"] as const) {
      if (wanted.has(kind)) await meter.run(kind, product(kind), pids, 128, 1);
    }
  } finally {
    await baseline.stop();
    await sink.close();
    await world.stop();
  }
  return Object.fromEntries(Object.entries(services).map(([name, { version }]) => [name, version]));
}

/** One process beside PostgreSQL; nobody stands at the end of its outbox. */
async function measureEmbedded(): Promise<void> {
  const world = await startWorld({ profile: "embedded", env: { ...gameEnv, ...withoutInventory } });
  try {
    const players = await world.mint(sockets);
    const { ws } = world.status().endpoints;
    const pids = embeddedPids(world);
    await meter.each("first-touch", productTarget(ws, players, "warm-up"), pids, hexCount, 32);
    for (const outstanding of levels.filter((level) => promisedLevels.has(level))) {
      await meter.run("embedded", productTarget(ws, players, "gather"), pids, outstanding, 1);
    }
  } finally {
    await world.stop();
  }
}

/** Two workers and two gateways; returns the milliseconds to first answers after kills. */
async function measureSeveral(): Promise<readonly number[]> {
  const kinds = ["several", "login", "transfer", "fail-over"];
  if (!kinds.some((kind) => wanted.has(kind))) return [];
  const world = await startWorld({
    profile: "cluster",
    flags: ["--workers", "2", "--gateways", "2"],
    env: {
      ...gameEnv,
      ...withoutInventory,
      HEXHOLD_WORKER__LOG_LEVEL: "warn",
      HEXHOLD_GATEWAY__AUTH_PER_ADDRESS_PER_MIN: "1000000",
      HEXHOLD_GATEWAY__AUTH_PER_NAME_PER_MIN: "1000000",
    },
  });
  const sink = await acknowledgeAll(world.status().services["rabbitmq"]!.url);
  try {
    await untilSpread(world, workerNames);
    if (wanted.has("several")) {
      const players = await world.mint(sockets);
      const urls = gatewayUrls(world.status());
      const target = (kind: LoadKind) => ({
        ...productTarget(urls[0]!, players, kind),
        url: (socket: number) => urls[socket % urls.length]!,
      });
      const pids = severalPids(world);
      await meter.each("first-touch", target("warm-up"), pids, hexCount, 32);
      for (const outstanding of levels.filter((level) => promisedLevels.has(level))) {
        for (let round = 1; round <= rounds; round++) {
          await meter.run("two-by-two", target("gather"), pids, outstanding, round);
        }
      }
    }
    if (wanted.has("login")) await measureLogins(world, meter);
    if (wanted.has("transfer")) await measureTransfers(world, meter, sockets);
    if (!wanted.has("fail-over")) return [];
    const found = await measureFailOver(world, failOverRounds);
    console.log(`fail-over: first answers after kill -9, ms: ${found.map(Math.round).join(", ")}`);
    return found;
  } finally {
    await sink.close();
    await world.stop();
  }
}

/** Prints medians and ratios; returns how many of the promised ratios do not hold. */
function report(): number {
  let failed = 0;
  for (const outstanding of levels) {
    const of = (target: string): number => median(rowsOf(target, outstanding));
    const [bare, product] = [of("baseline"), of("product")];
    if (Number.isNaN(bare) || Number.isNaN(product)) continue;
    const ratio = product / bare;
    console.log(
      `@${outstanding}: baseline ${Math.round(bare)}/s, product ${Math.round(product)}/s, ratio ${ratio.toFixed(2)}`,
    );
    if (promisedLevels.has(outstanding) && ratio < ratioMin) failed++;
  }
  return failed;
}

function rowsOf(target: string, outstanding: number): number[] {
  const of = (row: Row): boolean => row.target === target && row.outstanding === outstanding;
  return meter.rows.filter(of).map((row) => row.perSecond);
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
