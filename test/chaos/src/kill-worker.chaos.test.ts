import { setTimeout as pause } from "node:timers/promises";
import { startWorld, type World } from "@hexhold/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkTruth } from "./check-truth.ts";
import { firstAnswerAfter, startPlay, viewsThatDiffer } from "./play.ts";

/** `HEXHOLD_CHAOS_ROUNDS` makes the run longer; `npm test` does one round. */
const rounds = Number(process.env["HEXHOLD_CHAOS_ROUNDS"] ?? "1");
const firstAnswerMsMax = 5000;
const answerMsMax = 5300;

let world: World;

beforeAll(async () => {
  world = await startWorld({
    profile: "cluster",
    env: { HEXHOLD_GAME__OPTIONS__STOCK_CAPACITY: "100000000" },
  });
  console.log(`cluster ready in ${(world.readyMs / 1000).toFixed(1)} s`);
});
afterAll(async () => world.stop());

describe("kill -9 of the only worker under 32 players", () => {
  it("answers again within 5 s of each kill, with every effect once and every view true", async () => {
    const play = await startPlay(world, 32);
    await pause(1500);
    for (let round = 1; round <= rounds; round++) {
      const pid = world.pidOf("worker-1");
      const killedMs = performance.now();
      process.kill(pid, "SIGKILL");
      // What was answered before the kill may still arrive; a new pid proves the restart.
      await expect.poll(() => pidNow(), { timeout: 10_000, interval: 10 }).not.toBe(pid);
      const restartedMs = performance.now();
      await expect
        .poll(() => firstAnswerAfter(play.players, restartedMs) < Infinity, {
          timeout: 20_000,
          interval: 10,
        })
        .toBe(true);
      const ms = firstAnswerAfter(play.players, restartedMs) - killedMs;
      console.log(`round ${round}: first answer ${Math.round(ms)} ms after the kill`);
      expect(ms).toBeLessThanOrEqual(firstAnswerMsMax);
      await pause(2000);
    }
    await play.finish();
    const report = await checkTruth(world.status().services["postgres"]!.url, play.players);
    const longest = Math.max(
      ...play.players.flatMap((p) => p.commands.map((c) => c.longestAnswerMs)),
    );
    console.log(
      `${report.applied} applied, ${report.refused} refused, longest wait for an answer ${Math.round(longest)} ms`,
    );
    expect(report.faults).toEqual([]);
    expect(report.applied).toBeGreaterThan(100);
    expect(report.unfinished).toBe(0);
    expect(longest).toBeLessThanOrEqual(answerMsMax);
    await pause(2500);
    expect(play.players.map((p) => p.view.unnoticedGaps)).toEqual(play.players.map(() => 0));
    expect(await viewsThatDiffer(world, play.players)).toEqual([]);
    for (const player of play.players) player.close();
  });
});

function pidNow(): number {
  try {
    return world.pidOf("worker-1");
  } catch {
    return 0;
  }
}
