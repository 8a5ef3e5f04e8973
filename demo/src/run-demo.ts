/** A run from the start of the world to its result. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { type Bots, startBots } from "@hexhold/bots";
import { gatewayUrls, machineOf, type WorldStatus } from "@hexhold/testing";
import { checkDocuments, checkEconomyLedger } from "./check-documents.ts";
import { type Check, checkPlay } from "./checks.ts";
import type { DemoOptions } from "./demo-options.ts";
import { drawSvg } from "./economy/draw-svg.ts";
import { checkEconomy } from "./economy/economy-checks.ts";
import { readEconomy } from "./economy/read-economy.ts";
import { type Injected, scheduleFaults } from "./fault-schedule.ts";
import { type DemoWorld, openWorld } from "./open-world.ts";
import type { ProgressPrinter } from "./progress-printer.ts";
import type { DemoResult } from "./result.ts";
import { checkAtRest } from "./settle.ts";
import { faultMarks } from "./summary-lines.ts";
import { createTally, type Tally } from "./tally.ts";

export interface DemoPorts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly say: (line: string) => void;
  readonly progress: ProgressPrinter;
  /** Aborted: everything is stopped, and `runDemo` rejects with its reason. */
  readonly signal: AbortSignal;
}

const tickMs = 1000;

/** Rejects when the world or the bots do not start, and when it is interrupted; whatever was started is stopped. */
export async function runDemo(options: DemoOptions, ports: DemoPorts): Promise<DemoResult> {
  const startedAt = new Date().toISOString();
  const { say, signal } = ports;
  if (options.attach === false) say(`starting a world (${worldText(options)})`);
  const world = await openWorld(options, ports.env);
  try {
    signal.throwIfAborted();
    // Before anything in it is broken or stopped.
    const surroundings = surroundingsOf(world);
    const tally = createTally();
    const bots = await joinBots(options, ports, world.status(), tally);
    let played: Played;
    try {
      played = await playOn(options, ports, world, bots, tally);
    } finally {
      say("stopping the bots");
      await bots.stop();
    }
    const atRest = await checkAtRest(world.status(), options.economy);
    const economy = options.economy
      ? await readEconomy(
          world.status().services["postgres"]!.url,
          played.sinceMs,
          played.seconds,
          bots.stats().heard,
        )
      : undefined;
    const checks = [
      ...checkPlay(tally.totals(), bots.stats(), options.faults.length > 0),
      ...played.checks,
      ...atRest,
      ...(economy === undefined
        ? []
        : [
            ...checkEconomy(economy, options.bots, played.seconds),
            await checkEconomyLedger(world.dataDir),
          ]),
      // A world of others goes on with its workers.
      ...(world.isOurs ? [await checkDocuments(world.dataDir, options.faults.length > 0)] : []),
    ];
    return {
      format: 1,
      startedAt,
      ...surroundings,
      bots: options.bots,
      pace: options.pace,
      seed: options.seed,
      ...figuresOf(tally, bots, played),
      ...(economy === undefined ? {} : { economy }),
      checks,
      passed: checks.filter(({ passed }) => passed).length,
      failed: checks.filter(({ passed }) => !passed).length,
    };
  } finally {
    if (world.isOurs) say("stopping the world");
    await world.stop();
  }
}

interface Played {
  /** Since when all bots play, Unix milliseconds. */
  readonly sinceMs: number;
  readonly seconds: number;
  readonly faults: readonly Injected[];
  readonly checks: readonly Check[];
}

function surroundingsOf(world: DemoWorld): Pick<DemoResult, "machine" | "versions" | "world"> {
  const { profile, services, processes } = world.status();
  return {
    machine: machineOf(),
    versions: {
      node: process.versions.node,
      ...Object.fromEntries(Object.entries(services).map(([name, { version }]) => [name, version])),
    },
    world: { profile, attached: !world.isOurs, processes: processes.map(({ name }) => name) },
  };
}

function figuresOf(
  tally: Tally,
  bots: Bots,
  { seconds, faults }: Played,
): Pick<DemoResult, "seconds" | "commands" | "client" | "faults" | "series"> {
  const totals = tally.totals();
  return {
    seconds,
    commands: { ...totals, perSecond: totals.commands / seconds },
    client: bots.stats(),
    faults: faults.map((fault, n) => ({ ...fault, slowestMs: tally.slowestMs(n) })),
    series: tally.series,
  };
}

function worldText({ profile, workers, gateways, routers }: DemoOptions): string {
  const text = (count: number, name: string): string => `${count} ${name}${count === 1 ? "" : "s"}`;
  return profile === "embedded"
    ? "embedded, one process"
    : `cluster, ${text(routers, "router")}, ${text(workers, "worker")}, ${text(gateways, "gateway")}`;
}

async function joinBots(
  options: DemoOptions,
  { say, signal }: DemoPorts,
  status: WorldStatus,
  tally: Tally,
): Promise<Bots> {
  say(`${options.bots} bots register and enter`);
  const startedMs = performance.now();
  const bots = await startBots({
    count: options.bots,
    gateways: gatewayUrls(status),
    // Accounts of an earlier run have passwords that nobody knows any more.
    namePrefix: `bot-${randomBytes(4).toString("hex")}`,
    password: randomBytes(16).toString("hex"),
    seed: options.seed,
    pace: options.pace,
    economy: options.economy,
    onCommand: (end) => tally.add(end),
    signal,
  });
  say(`all play after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  return bots;
}

/** From now on all bots play, for the time of the options; faults come at theirs. */
async function playOn(
  options: DemoOptions,
  { progress, signal }: DemoPorts,
  world: DemoWorld,
  bots: Bots,
  tally: Tally,
): Promise<Played> {
  const startMs = performance.now();
  const sinceMs = Date.now();
  tally.begin();
  const faults = scheduleFaults(
    options.faults,
    () => world.status(),
    (nowMs) => tally.addFault(nowMs),
    signal,
  );
  let seconds = 0;
  let checks: Check[] = [];
  try {
    for (let tick = 1; tick * tickMs <= options.forMs; tick++) {
      const leftMs = startMs + tick * tickMs - performance.now();
      await pause(leftMs, undefined, { signal }).catch(() => undefined);
      signal.throwIfAborted();
      const last = tally.tick(bots.stats().online);
      progress.show({
        forMs: options.forMs,
        bots: options.bots,
        last,
        totals: tally.totals(),
        faults: faultMarks(faults.injected).map(({ label }) => label),
      });
    }
    seconds = (performance.now() - startMs) / 1000;
  } finally {
    checks = await faults.end();
  }
  return { sinceMs, seconds, faults: faults.injected, checks };
}

/** Writes a result as JSON. Throws when the file cannot be written. */
export function writeResult(file: string, result: DemoResult): void {
  writeFileSync(file, `${JSON.stringify(result, undefined, 2)}\n`);
}

/** Draws the economy of a result. Throws when it has none, or when the file cannot be written. */
export function writePicture(file: string, { economy, faults }: DemoResult): void {
  if (economy === undefined) throw new Error("a result without an economy has no picture");
  writeFileSync(file, drawSvg(economy.series, faultMarks(faults)));
}
