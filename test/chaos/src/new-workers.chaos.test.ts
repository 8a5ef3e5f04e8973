/**
 * Workers that have just begun, while both processors have all that they can do: what they are given is served as fast
 * as elsewhere. `HEXHOLD_CHAOS_NEW_WORKERS=all` looks at the minute after each grant, for a worker that is added and for
 * one that is killed and starts again; `npm test` looks at 20 s of the first, in which as many commands may be slow as in
 * that minute: one hiccup of the take-over is 1 % of a minute's commands, and more of 20 s.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import {
  type LoadPlayer,
  oneHexPerSlot,
  slotOf,
  slotsOf,
  startWorld,
  untilSpread,
  type World,
} from "@hexhold/testing";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { type Play, startPlay } from "./play.ts";

const isLong = process.env["HEXHOLD_CHAOS_NEW_WORKERS"] === "all";
const windowMs = isLong ? 60_000 : 20_000;
const playerCount = 200;
const pauseMs = 100;
const slowFactorMax = 2;
/** The 99th percentile of a minute: the 97th of its first 20 s. */
const percentile = 1 - 0.01 * (60_000 / windowMs);
/** Below this a figure is that of a queue's luck. */
const noiseMs = 30;
vi.setConfig({ testTimeout: 400_000 });

let world: World;
let play: Play;
let added: ChildProcess | undefined;
/** So that the processors have nothing left, however fast they are. */
let burners: readonly ChildProcess[] = [];

beforeAll(async () => {
  world = await startWorld({
    profile: "cluster",
    flags: ["--workers", "2"],
    env: { HEXHOLD_GAME__OPTIONS__STOCK_CAPACITY: "100000000" },
  });
  await untilSpread(world, ["worker-1", "worker-2"]);
  play = await startPlay(world, playerCount, pauseMs, oneHexPerSlot());
  burners = cpus().map(() => spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }));
  await pause(isLong ? 30_000 : 5000);
});

afterAll(async () => {
  for (const burner of burners) burner.kill("SIGKILL");
  await play?.finish();
  added?.kill("SIGTERM");
  await world?.stop();
});

/** Another worker as the host would start it, under another name. */
function addWorker(name: string): ChildProcess {
  const environ = readFileSync(`/proc/${world.pidOf("worker-1")}/environ`, "utf8");
  const env = Object.fromEntries(
    environ.split("\0").flatMap((line) => {
      const at = line.indexOf("=");
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)]];
    }),
  );
  const root = path.resolve(import.meta.dirname, "../../..");
  return spawn(process.execPath, [path.join(root, "worker/src/main.ts")], {
    cwd: root,
    env: {
      ...env,
      HEXHOLD_WORKER__INSTANCE: name,
      HEXHOLD_WORKER__CONTROL_PORT: "0",
      HEXHOLD_PARENT_PID: String(process.pid),
    },
    stdio: "ignore",
  });
}

/** When each slot was first seen at `owner`, until it has its share. */
async function grantsOf(owner: string, share: number): Promise<Map<string, number>> {
  const grants = new Map<string, number>();
  const endMs = performance.now() + 180_000;
  while (grants.size < share) {
    for (const slot of await slotsOf(world).catch(() => [])) {
      if (slot.owner === owner && slot.served && !grants.has(slot.slot)) {
        grants.set(slot.slot, performance.now());
      }
    }
    if (performance.now() > endMs)
      throw new Error(`${owner} has only ${[...grants.keys()].join()}`);
    await pause(100);
  }
  return grants;
}

function slowest(players: readonly LoadPlayer[], fromMs: number, toMs: number): number {
  const waits = players
    .flatMap(({ commands }) => commands)
    .filter(
      ({ firstSentMs, finalMs }) => firstSentMs >= fromMs && firstSentMs < toMs && finalMs > 0,
    )
    .map(({ firstSentMs, finalMs }) => finalMs - firstSentMs)
    .toSorted((a, b) => a - b);
  expect(waits.length).toBeGreaterThan(100);
  return waits[Math.floor(waits.length * percentile)]!;
}

async function expectAsFast(what: string, owner: string, share: number): Promise<void> {
  const grants = await grantsOf(owner, share);
  await pause(Math.max(...grants.values()) + windowMs - performance.now() + 1000);
  const lines: string[] = [];
  const slow: string[] = [];
  for (const [slot, fromMs] of grants) {
    const toMs = fromMs + windowMs;
    const here = slowest(
      play.players.filter((player) => slotOf(player) === slot),
      fromMs,
      toMs,
    );
    const others = slowest(
      play.players.filter((player) => !grants.has(slotOf(player))),
      fromMs,
      toMs,
    );
    lines.push(`${slot} ${Math.round(here)} ms beside ${Math.round(others)} ms`);
    if (here > Math.max(others, noiseMs) * slowFactorMax) slow.push(lines.at(-1)!);
  }
  const spanS = (Math.max(...grants.values()) - Math.min(...grants.values())) / 1000;
  console.log(
    `${what}: p${Math.round(percentile * 100)} in ${windowMs / 1000} s: ${lines.join("; ")}; granted in ${spanS.toFixed(1)} s`,
  );
  expect(slow).toEqual([]);
}

/** Each returns the worker that has just begun. */
async function add(): Promise<string> {
  added = addWorker("worker-3");
  return Promise.resolve("worker-3");
}

async function killAndRestart(): Promise<string> {
  const name = "worker-2";
  const pid = world.pidOf(name);
  process.kill(pid, "SIGKILL");
  // While it is not there the status file does not name it.
  const isBack = (): boolean =>
    world.status().processes.some((each) => each.name === name && each.pid !== pid);
  await vi.waitUntil(isBack, { timeout: 30_000 });
  return name;
}

const cases = [
  ["that is added", add],
  ["that was killed and starts again", killAndRestart],
] as const;

it.each(isLong ? cases : cases.slice(0, 1))(
  "a worker %s serves each slot as fast as the others are served",
  async (what, begin) => {
    await expectAsFast(`a worker ${what}`, await begin(), 2);
  },
);
