/**
 * Floods of every kind of frame: the flooders are closed, and nobody else pays. `HEXHOLD_CHAOS_ROUNDS` times 3 s of
 * each kind; 20 of it are the minute of the promise, and only then times are held against those without a flood.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { hexAt } from "@hexhold/hex";
import { joinPlayer, type LoadPlayer, type Player, startWorld, type World } from "@hexhold/testing";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { FloodOrder, FloodReport } from "./flood-thread.ts";

const rounds = Number(process.env["HEXHOLD_CHAOS_ROUNDS"] ?? "1");
const floodMs = 3000 * rounds;
const isLong = rounds >= 10;
const flooders = 50;
const newcomers = 1500;
const closedMsMax = 2000;
const firstStateMsMax = 500;
const memoryBytesMax = 64 * 1024 * 1024;
/** The good client asks so often. */
const askEveryMs = 25;
/** Beside the fifth of the promise: what the 99th of some hundred answers differs by from one minute to the next. */
const noiseMs = 10;
const kinds = [
  "command",
  "subscribe",
  "subscribe and unsubscribe",
  "ping",
  "refresh",
  "WebSocket ping",
  "WebSocket pong",
  "malformed",
];

vi.setConfig({ testTimeout: 180_000 + 12 * floodMs });

let world: World;
let good: LoadPlayer | undefined;
let bad: Player[];
let quiet: Asked;
/** Of the gateway, before any flood. */
let bytesBefore: number;

interface Asked {
  readonly p99: number;
  /** Answers that were none, or came only after a repetition. */
  readonly failed: number;
}

beforeAll(async () => {
  world = await startWorld({ profile: "cluster" });
  bad = await world.mint(flooders);
  const [player] = await world.mint(1, hexAt(52, 2).toString(16));
  good = await joinPlayer(world.status().endpoints.ws, player!);
  // New processes compile for a while.
  await asked(isLong ? 20_000 : 2000);
  quiet = await asked(isLong ? 60_000 : 3000);
  bytesBefore = gatewayBytes();
  console.log(`without a flood: good p99 ${quiet.p99.toFixed(0)} ms`);
});
afterAll(async () => {
  good?.close();
  await world.stop();
});

async function asked(ms: number): Promise<Asked> {
  const untilMs = performance.now() + ms;
  const took: number[] = [];
  let failed = 0;
  while (performance.now() < untilMs) {
    const { longestAnswerMs, outcomes } = await good!.command("cmd.hex.observe", new Uint8Array(0));
    took.push(longestAnswerMs);
    if (outcomes.join() !== "applied") failed++;
    await pause(askEveryMs);
  }
  took.sort((a, b) => a - b);
  return { p99: took[Math.floor(took.length * 0.99)]!, failed };
}

function gatewayBytes(): number {
  const status = readFileSync(`/proc/${world.pidOf("gateway-1")}/status`, "utf8");
  return 1024 * Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
}

/** A newcomer's way from its connection to its first state. */
async function firstStateMs(): Promise<number> {
  const [player] = await world.mint(1, hexAt(54, 2).toString(16));
  const startedMs = performance.now();
  const joined = await joinPlayer(world.status().endpoints.ws, player!);
  joined.subscribe();
  await vi.waitFor(() => expect(joined.view.states).toBeGreaterThan(0), {
    timeout: 5000,
    interval: 5,
  });
  const ms = performance.now() - startedMs;
  joined.close();
  return ms;
}

/** Floods while a good client asks and a newcomer comes in: neither may notice. */
async function floodBy(what: string, order: Omit<FloodOrder, "url">): Promise<FloodReport> {
  const bytesAtFirst = gatewayBytes();
  const url = world.status().endpoints.ws;
  const thread = new Worker(new URL("./flood-thread.ts", import.meta.url), {
    workerData: { url, ...order } satisfies FloodOrder,
  });
  const measuring = asked(floodMs);
  await pause(floodMs / 3);
  const stateMs = await firstStateMs();
  const { p99, failed } = await measuring;
  const bytes = gatewayBytes() - bytesAtFirst;
  thread.postMessage("stop");
  const [report] = (await once(thread, "message")) as [FloodReport];
  await thread.terminate();
  console.log(
    `${what}: good p99 ${p99.toFixed(0)} ms, first state ${stateMs.toFixed(0)} ms, closed within ` +
      `${report.closedMs.toFixed(0)} ms, ${report.connections} connections, ` +
      `memory ${(bytes / 2 ** 20).toFixed(0)} MiB, refused ${JSON.stringify(report.refused)}`,
  );
  expect(failed).toBe(0);
  expect(stateMs).toBeLessThanOrEqual(firstStateMsMax);
  expect(report.closedMs).toBeLessThanOrEqual(closedMsMax);
  expect(bytes).toBeLessThanOrEqual(memoryBytesMax);
  if (isLong) expect(p99).toBeLessThanOrEqual(quiet.p99 * 1.2 + noiseMs);
  return report;
}

it.each([...kinds.map((kind) => [kind]), kinds])(
  "one account that floods with %s is closed, and others notice nothing",
  async (...kindsOfIt) => {
    const { codes, connections } = await floodBy(
      kindsOfIt.length > 1 ? "all kinds" : kindsOfIt[0]!,
      { flooders: [{ ...bad[0]!, kinds: kindsOfIt }], silent: 0 },
    );
    expect(connections).toBeGreaterThan(1);
    expect(codes.filter((code) => code !== 4429 && code !== 4400)).toEqual([]);
  },
);

it(`${flooders} accounts that flood with everything are closed`, async () => {
  const { connections } = await floodBy(`${flooders} accounts`, {
    flooders: bad.map((player, i) => ({ ...player, kinds: [kinds[i % kinds.length]!] })),
    silent: 0,
  });
  expect(connections).toBeGreaterThan(flooders);
});

it(`${newcomers} connections without a token keep nobody out who has another address`, async () => {
  const { refused } = await floodBy(`${newcomers} newcomers`, { flooders: [], silent: newcomers });
  expect(Object.keys(refused).filter((status) => status !== "429")).toEqual([]);
});

it("what the floods cost the gateway it gives back within a minute", async () => {
  await pause(isLong ? 60_000 : 2000);
  const bytes = gatewayBytes() - bytesBefore;
  console.log(`after all floods: memory ${(bytes / 2 ** 20).toFixed(0)} MiB`);
  expect(bytes).toBeLessThanOrEqual(isLong ? memoryBytesMax : 2 * memoryBytesMax);
});
