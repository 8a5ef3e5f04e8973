/**
 * `npm run bench`: the product beside a bare-wire baseline, alternating in one run on one set of services.
 * What is measured and how: bench/README.md.
 */
import { writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { startWorld, type World } from "@hexhold/testing";
import { type Baseline, startBaseline } from "./baseline/start.ts";
import { baselineTarget } from "./baseline/target.ts";
import { cpuSeconds, residentMb } from "./cpu.ts";
import { acknowledgeAll } from "./inventory-sink.ts";
import { type LoadResult, type LoadTarget, openLoad } from "./load.ts";
import { productTarget } from "./product-target.ts";

const sockets = 32;
const baselinePort = 17_600;

const { values: flags } = parseArgs({
  options: {
    json: { type: "string" },
    outstanding: { type: "string", default: "1,32,128,512,2048" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "5" },
    "warm-up": { type: "string", default: "5" },
    only: { type: "string", default: "baseline,product,hot-hex,move" },
  },
});
const levels = flags.outstanding.split(",").map(Number);
const rounds = Number(flags.rounds);
const measuredMs = Number(flags.seconds) * 1000;
const warmUpMs = Number(flags["warm-up"]) * 1000;
const wanted = new Set(flags.only.split(","));

export interface Row extends LoadResult {
  readonly target: string;
  readonly round: number;
  /** CPU microseconds a command, by process. */
  readonly cpuUs: Readonly<Record<string, number>>;
  readonly residentMb: Readonly<Record<string, number>>;
}

const rows: Row[] = [];
const world = await startWorld({
  profile: "cluster",
  env: {
    HEXHOLD_GAME__MODULE: "bench/src/bench-game.ts",
    HEXHOLD_GAME__OPTIONS__STOCK_CAPACITY: "1000000000",
    HEXHOLD_GATEWAY__COMMANDS_PER_S: "1000000",
    HEXHOLD_GATEWAY__COMMANDS_BURST: "1000000",
    HEXHOLD_GATEWAY__COMMANDS_IN_FLIGHT_MAX: "4096",
    HEXHOLD_GATEWAY__LOG_LEVEL: "warn",
    HEXHOLD_WORKER__LOG_LEVEL: "warn",
  },
});
const { services } = world.status();
const sink = await acknowledgeAll(services["rabbitmq"]!.url);
const baseline = await startBaseline(
  services["postgres"]!.url,
  services["rabbitmq"]!.url,
  baselinePort,
);
try {
  const players = await world.mint(sockets);
  const { ws } = world.status().endpoints;
  const product = (kind: "gather" | "hot-hex" | "move") => () => productTarget(ws, players, kind);
  const plan: [string, () => LoadTarget, Record<string, number>][] = [];
  if (wanted.has("baseline")) {
    plan.push(["baseline", () => baselineTarget(baseline.url), baselinePids(baseline, world)]);
  }
  if (wanted.has("product")) plan.push(["product", product("gather"), productPids(world)]);
  for (const outstanding of levels) {
    for (let round = 1; round <= rounds; round++) {
      for (const [name, target, pids] of plan)
        await measure(name, target(), pids, outstanding, round);
    }
  }
  for (const kind of ["hot-hex", "move"] as const) {
    if (wanted.has(kind)) await measure(kind, product(kind)(), productPids(world), 128, 1);
  }
} finally {
  await baseline.stop();
  await sink.close();
  await world.stop();
}
const failed = report();
if (flags.json !== undefined) {
  const machine = {
    cpus: cpus().length,
    model: cpus()[0]?.model,
    memoryMb: Math.round(totalmem() / 1e6),
  };
  const versions = Object.fromEntries(
    Object.entries(services).map(([name, { version }]) => [name, version]),
  );
  writeFileSync(flags.json, `${JSON.stringify({ machine, versions, rows }, undefined, 2)}\n`);
}
console.log(`${2 - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

async function measure(
  name: string,
  target: LoadTarget,
  pids: Record<string, number>,
  outstanding: number,
  round: number,
): Promise<void> {
  const load = await openLoad(target, Math.min(sockets, Math.max(outstanding, 1)));
  // The bench is everybody's ancestor; servers have processes below them.
  const cpuOf = (pid: number): number => cpuSeconds(pid, pid !== process.pid);
  const before = Object.entries(pids).map(([name, pid]) => [name, cpuOf(pid)] as const);
  const startMs = performance.now();
  const result = await load.run(outstanding, warmUpMs, measuredMs);
  const share = result.seconds / ((performance.now() - startMs) / 1000);
  const cpuUs = Object.fromEntries(
    before.map(([process, seconds]) => [
      process,
      Math.round(((cpuOf(pids[process]!) - seconds) * share * 1e6) / Math.max(result.commands, 1)),
    ]),
  );
  load.close();
  const memory = Object.fromEntries(
    Object.entries(pids).map(([process, pid]) => [process, Math.round(residentMb(pid))]),
  );
  rows.push({ target: name, round, ...result, cpuUs, residentMb: memory });
  console.log(
    `${name.padEnd(9)} @${String(outstanding).padEnd(5)} ${Math.round(result.perSecond).toString().padStart(6)}/s  ` +
      `p50 ${result.p50Ms.toFixed(1)}  p95 ${result.p95Ms.toFixed(1)}  p99 ${result.p99Ms.toFixed(1)} ms  ` +
      `cpu us/command ${Object.entries(cpuUs)
        .map(([process, us]) => `${process} ${us}`)
        .join(", ")}  events ${result.otherFrames}`,
  );
}

function servicePids(of: World): Record<string, number> {
  const { services } = of.status();
  return {
    postgres: services["postgres"]!.pid!,
    rabbitmq: services["rabbitmq"]!.pid!,
    load: process.pid,
  };
}

function productPids(of: World): Record<string, number> {
  return { gateway: of.pidOf("gateway-1"), worker: of.pidOf("worker-1"), ...servicePids(of) };
}

function baselinePids(of: Baseline, on: World): Record<string, number> {
  return { gateway: of.gatewayPid, worker: of.workerPid, ...servicePids(on) };
}

/** Prints medians and ratios; returns how many of the two promised ratios do not hold. */
function report(): number {
  let failed = 0;
  for (const outstanding of levels) {
    const of = (target: string): number =>
      median(
        rows
          .filter((row) => row.target === target && row.outstanding === outstanding)
          .map((row) => row.perSecond),
      );
    const [bare, product] = [of("baseline"), of("product")];
    if (Number.isNaN(bare) || Number.isNaN(product)) continue;
    const ratio = product / bare;
    console.log(
      `@${outstanding}: baseline ${Math.round(bare)}/s, product ${Math.round(product)}/s, ratio ${ratio.toFixed(2)}`,
    );
    if ((outstanding === 128 || outstanding === 512) && ratio < 0.6) failed++;
  }
  return failed;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
