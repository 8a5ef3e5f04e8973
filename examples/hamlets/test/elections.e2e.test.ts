/**
 * Elections while processes die: governance and the hex's worker are killed at each step, round after round. What is true in
 * the end: each election has one winner and each owner one number, every vote and every stone that was answered counts, and
 * the hex has the owner whom it was given.
 */
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { LayStonesSchema } from "../gen/hamlets/v1/hamlets_pb.ts";
import { birthplace, type Citizen, type Hamlets, startHamlets } from "./council.testing.ts";

const rounds = Number(process.env["HEXHOLD_CHAOS_ELECTION_ROUNDS"] ?? "1");
const electionMs = 9_000;
const termMs = 1_000;
let hamlets: Hamlets;

beforeAll(async () => {
  hamlets = await startHamlets({ electionMs, termMs });
});
afterAll(async () => hamlets?.stop());

const pidNow = (name: string): number | undefined =>
  hamlets.world.status().processes.find((item) => item.name === name)?.pid;

/** SIGKILL; resolves when the supervisor has started it again. */
async function kill(name: string): Promise<void> {
  const pid = hamlets.world.pidOf(name);
  process.kill(pid, "SIGKILL");
  await expect.poll(() => pidNow(name) ?? pid, { timeout: 60_000, interval: 20 }).not.toBe(pid);
}

/** Runs both, the kill a little later. */
async function during<T>(afterMs: number, victims: readonly string[], run: Promise<T>): Promise<T> {
  await pause(afterMs);
  await Promise.all(victims.map(kill));
  return run;
}

it(
  "whichever of them dies at whichever step, each election has one winner, each owner one number, and nothing that was answered is lost",
  async () => {
    const citizens = await hamlets.join([20, 20, 20]);
    let stones = 60n;
    const { key } = citizens[0]!.player;
    const known = async (): Promise<string | undefined> =>
      (
        await hamlets.rows<{ sum: string }>(
          "SELECT coalesce(sum(value), 0)::text AS sum FROM governance.contribution",
        )
      )[0]?.sum;
    for (let round = 1; round <= rounds; round++) {
      // When in a step somebody dies, another time in each round.
      const lateMs = (round * 37) % 120;
      const lay = citizens.map(({ player }) => player.send(LayStonesSchema, { stones: 30 }));
      const laid = await during(lateMs, ["governance-1", "worker-1"], Promise.all(lay));
      expect(laid.map(({ outcome }) => outcome)).toEqual(["applied", "applied", "applied"]);
      stones += 90n;
      await expect.poll(known, { timeout: 60_000, interval: 50 }).toBe(String(stones));

      const winner = citizens[round % 3]!;
      const [caller] = citizens as [Citizen];
      const called = await during(lateMs / 4, ["governance-2"], caller.council.call(key));
      expect(called).toMatchObject({ outcome: "applied", result: { electors: 3 } });
      if (called.outcome !== "applied") throw new Error("not called");
      const { election, closesMs } = called.result;
      expect(await winner.council.stand(election)).toMatchObject({ outcome: "applied" });
      const votes = citizens.map(({ council }) => council.vote(election, winner.id));
      const voted = await during(lateMs / 4, ["governance-1"], Promise.all(votes));
      expect(voted.map(({ outcome }) => outcome)).toEqual(["applied", "applied", "applied"]);

      // At the close all who could do it, and then the hex's worker, who is about to hear of it.
      await pause(Math.max(Number(closesMs) - caller.client.serverNow() - lateMs, 0));
      await Promise.all(["governance-1", "governance-2"].map(kill));
      await during(lateMs, ["worker-1"], Promise.resolve());

      const owners = () =>
        hamlets.rows<{ number: string; owner: string; applied: boolean }>(
          "SELECT number, owner, applied_at IS NOT NULL AS applied FROM governance.ownership WHERE hex = $1 ORDER BY number",
          [birthplace],
        );
      await expect
        .poll(async () => (await owners()).length, { timeout: 60_000, interval: 50 })
        .toBe(round);
      await expect
        .poll(async () => (await owners()).at(-1)?.applied, { timeout: 90_000, interval: 50 })
        .toBe(true);
      expect((await owners()).map(({ number }) => Number(number))).toEqual(
        Array.from({ length: round }, (_, n) => n + 1),
      );
      expect((await owners()).at(-1)?.owner).toBe(winner.accountId);
      expect(
        await hamlets.rows(
          "SELECT state, turnout_heads, winner FROM governance.election WHERE election_id = $1",
          [election],
        ),
      ).toEqual([{ state: 2, turnout_heads: 3, winner: winner.accountId }]);
      await pause(termMs);
    }
    expect(await hamlets.rows("SELECT type, error FROM control.dead_letter")).toEqual([]);
    const verified = await hamlets.world.hexctl("verify", "--economy");
    expect(verified.output).toMatch(/elections and owners: [1-9]\d* rows, 0 violations/);
    expect(verified.code).toBe(0);
    const { output } = await hamlets.world.hexctl("saga");
    expect(output).toMatch(/: 0 open steps, 0 other letters/);
    const council = await hamlets.world.hexctl("council", birthplace);
    expect(council.output).toMatch(new RegExp(`${birthplace} owner ${rounds}: `));
  },
  60_000 + rounds * 60_000,
);
