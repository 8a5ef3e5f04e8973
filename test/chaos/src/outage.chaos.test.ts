import { setTimeout as pause } from "node:timers/promises";
import { startWorld, type World } from "@hexhold/testing";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkTruth } from "./check-truth.ts";
import { type Play, startPlay, viewsThatDiffer } from "./play.ts";
import { signalTree, untilAccepts } from "./processes.ts";

/** `HEXHOLD_CHAOS_FREEZE_S` makes the freezes longer (the promise is tested with 30); `npm test` takes 5 s. */
const freezeMs = Number(process.env["HEXHOLD_CHAOS_FREEZE_S"] ?? "5") * 1000;
const answerMsMax = 5300;
const fullServiceMsMax = 15_000;
const unreadyMsMax = 4000;
const players = 32;

let world: World;
let play: Play;

beforeAll(async () => {
  world = await startWorld({
    profile: "cluster",
    env: { HEXHOLD_GAME__OPTIONS__STOCK_CAPACITY: "100000000" },
  });
  play = await startPlay(world, players, 20);
  await pause(1000);
});
afterAll(async () => world.stop());

/** Waits until every player has had a command applied that it sent after now. */
async function fullService(): Promise<number> {
  const fromMs = performance.now();
  const served = (): number =>
    play.players.filter((player) =>
      player.commands.some(
        (c) => c.firstSentMs > fromMs - 1 && c.answer?.outcome.case === "applied",
      ),
    ).length;
  await expect.poll(served, { timeout: 40_000, interval: 25 }).toBe(players);
  return performance.now() - fromMs;
}

function longestAnswerSince(fromMs: number): number {
  return Math.max(
    ...play.players.flatMap((player) =>
      player.commands
        .filter((c) => c.finalMs > fromMs || c.answer === undefined)
        .map((c) => c.longestAnswerMs),
    ),
  );
}

async function checkAll(fromMs: number): Promise<void> {
  const url = world.status().services["postgres"]!.url;
  const report = await checkTruth(url, play.players);
  expect(report.faults).toEqual([]);
  const longest = longestAnswerSince(fromMs);
  console.log(
    `${report.applied} applied so far, longest wait for an answer ${Math.round(longest)} ms`,
  );
  expect(longest).toBeLessThanOrEqual(answerMsMax);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ suspects: number; letters: number }>(
    `SELECT (SELECT count(*)::int FROM world.suspect_attempt) AS suspects,
            (SELECT count(*)::int FROM world.outbox WHERE destination = 'router') AS letters`,
  );
  await client.end();
  expect(rows[0]).toEqual({ suspects: 0, letters: 0 });
}

/** Until all that need PostgreSQL say at `/readyz` that it does not answer; rejects when one does not within its time. */
async function untilUnready(): Promise<void> {
  const fromMs = performance.now();
  const kinds = new Set(["router", "worker", "accounts", "inventory"]);
  const need = world.status().processes.filter(({ kind }) => kinds.has(kind));
  expect(need.length).toBeGreaterThanOrEqual(kinds.size);
  await Promise.all(
    need.map(({ name, controlUrl }) =>
      expect
        .poll(async () => `${name}: ${await (await fetch(`${controlUrl}/readyz`)).text()}`, {
          timeout: unreadyMsMax,
          interval: 100,
        })
        .toMatch(/"ready":false.*PostgreSQL does not answer/),
    ),
  );
  console.log(
    `all said so at /readyz within ${Math.round(performance.now() - fromMs)} ms (promised ${unreadyMsMax})`,
  );
}

describe("a dependency is away under load", () => {
  it.each(["postgres", "rabbitmq"] as const)(
    "%s frozen: answers in 5 s, none untrue",
    async (name) => {
      const { pid, url } = world.status().services[name]!;
      const fromMs = performance.now();
      signalTree(pid!, "SIGSTOP");
      try {
        await Promise.all([pause(freezeMs), name === "postgres" ? untilUnready() : undefined]);
      } finally {
        signalTree(pid!, "SIGCONT");
      }
      await untilAccepts(url, 10_000);
      const ms = await fullService();
      console.log(
        `${name} frozen for ${freezeMs / 1000} s: full service ${Math.round(ms)} ms after its end`,
      );
      expect(ms).toBeLessThanOrEqual(fullServiceMsMax);
      await checkAll(fromMs);
    },
  );

  it.each(["postgres", "rabbitmq"] as const)(
    "%s killed and restarted: full service in 15 s",
    async (name) => {
      const { pid, url } = world.status().services[name]!;
      const fromMs = performance.now();
      signalTree(pid!, "SIGKILL");
      await expect
        .poll(() => world.status().services[name]?.pid, { timeout: 30_000, interval: 20 })
        .not.toBe(pid);
      await untilAccepts(url, 30_000);
      const ms = await fullService();
      console.log(
        `${name} killed: full service ${Math.round(ms)} ms after it took connections again`,
      );
      expect(ms).toBeLessThanOrEqual(fullServiceMsMax);
      await checkAll(fromMs);
    },
  );

  it("leaves no gap unnoticed and every view true", async () => {
    await play.finish();
    await pause(3000);
    expect(play.players.map((p) => p.view.unnoticedGaps)).toEqual(play.players.map(() => 0));
    expect(await viewsThatDiffer(world, play.players)).toEqual([]);
    for (const player of play.players) player.close();
  });
});
