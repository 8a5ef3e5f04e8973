import { toBinary } from "@bufbuild/protobuf";
import { type Answer, AnswerSchema } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import {
  evenLand,
  joinPlayer,
  type LoadPlayer,
  type PlayedCommand,
  startWorld,
  type World,
} from "@hexhold/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkTruth } from "../check-truth.ts";
import { gather } from "../play.ts";

let world: World;

beforeAll(async () => {
  world = await startWorld({ profile: "cluster", env: evenLand });
});
afterAll(async () => world.stop());

/** All that a repetition must have in common with the first answer. */
function bytesOf(answer: Answer | undefined): string {
  expect(answer).toBeDefined();
  const same = { ...answer!, commandEventId: new Uint8Array(0), replayed: false };
  return Buffer.from(toBinary(AnswerSchema, same)).toString("hex");
}

async function again(player: LoadPlayer, first: PlayedCommand): Promise<PlayedCommand> {
  return player.command(first.type, first.payload, { requestId: first.requestId });
}

async function restartWorker(): Promise<void> {
  const pid = world.pidOf("worker-1");
  process.kill(pid, "SIGKILL");
  const pidNow = (): number =>
    world.status().processes.find((item) => item.name === "worker-1")?.pid ?? pid;
  await expect.poll(pidNow, { timeout: 10_000 }).not.toBe(pid);
}

describe("the same command sent again", () => {
  it.each([
    ["applied", 40n],
    ["refused", 1000n],
  ] as const)("gets the same answer, replayed, and has one effect: %s", async (outcome, amount) => {
    const [minted] = await world.mint(1);
    let player = await joinPlayer(world.status().endpoints.ws, minted!);
    await player.command("cmd.hex.enter", new Uint8Array(0));
    const first = await player.command("cmd.hex.gather", gather(amount));
    expect([first.answer?.outcome.case, first.answer?.replayed]).toEqual([outcome, false]);

    const atOnce = await Promise.all([again(player, first), again(player, first)]);
    const later = await again(player, first);
    player.close();
    player = await joinPlayer(world.status().endpoints.ws, minted!);
    const elsewhere = await again(player, first);
    await restartWorker();
    const afterRestart = await again(player, first);
    for (const repeated of [...atOnce, later, elsewhere, afterRestart]) {
      expect(repeated.answer?.replayed).toBe(true);
      expect(bytesOf(repeated.answer)).toBe(bytesOf(first.answer));
    }
    const other = await player.command("cmd.hex.gather", gather(1n), {
      requestId: first.requestId,
    });
    expect(other.outcomes).toEqual(["error:IDEMPOTENCY_MISMATCH:payload-differs"]);

    const { faults } = await checkTruth(world.status().services["postgres"]!.url, [player]);
    expect(faults).toEqual([]);
    player.close();
  });

  it("gets its answer when it meets its first copy on the way", async () => {
    const [minted] = await world.mint(1);
    const player = await joinPlayer(world.status().endpoints.ws, minted!);
    await player.command("cmd.hex.enter", new Uint8Array(0));
    const requestId = (await player.command("cmd.hex.observe", new Uint8Array(0))).requestId;
    const copies = await Promise.all(
      Array.from({ length: 8 }, () => player.command("cmd.hex.gather", gather(30n), { requestId })),
    );
    expect(copies.map((copy) => copy.answer?.outcome.case)).toEqual(copies.map(() => "applied"));
    expect(new Set(copies.map((copy) => bytesOf(copy.answer))).size).toBe(1);
    player.close();
  });
});
