import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { partitionOf } from "@hexhold/hex";
import {
  joinPlayer,
  type LoadPlayer,
  type PlayedCommand,
  startWorld,
  type World,
  withPostgres,
} from "@hexhold/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { badAmounts } from "@hexhold/testing/misbehaving-game";
import { checkTruth } from "./check-truth.ts";
import { gather, type Play, startPlay } from "./play.ts";

/** Bad commands of each kind, and how long they are spread; the promise is tested with 10 and 60. */
const ofEachKind = Number(process.env["HEXHOLD_CHAOS_BAD"] ?? "2");
const spreadMs = Number(process.env["HEXHOLD_CHAOS_BAD_S"] ?? "8") * 1000;
/** Good commands alone, before the first bad one. */
const calmMs = Math.max(spreadMs / 6, 4000);
const otherSlotMsMax = 1000;
/** A loop holds up its slot, but no other command for longer than this, and is a letter soon after it was sent. */
const sameSlotMsMax = 1000;
const letterMsMax = 3000;
/** What is promised of a loop is promised on cores that are mostly idle. */
const restMs = 250;
const warmUpMs = 5000;
/** Two letters of an account at most: the third would block it. */
const lettersPerAccount = 2;

let world: World;
let play: Play;

beforeAll(async () => {
  world = await startWorld({
    profile: "cluster",
    env: {
      HEXHOLD_GAME__MODULE: "libs/testing/src/misbehaving-game.ts",
      HEXHOLD_GAME__OPTIONS__STOCK_CAPACITY: "100000000",
      HEXHOLD_WORKER__RULES_HEAP_MB_MAX: "64",
    },
  });
  play = await startPlay(world, 24, 100);
  // Processes that have just begun are slow by themselves.
  await pause(warmUpMs);
  play.pace(restMs);
});
afterAll(async () => world.stop());

interface Bad {
  readonly kind: string;
  readonly player: LoadPlayer;
  readonly slot: number;
  readonly fromMs: number;
  readonly toMs: number;
}

describe("rules that throw, loop, exhaust memory or exit", () => {
  it("cost one command each, and nobody else's", async () => {
    const kinds = Object.keys(badAmounts) as (keyof typeof badAmounts)[];
    const wanted = Array.from({ length: ofEachKind }, () => kinds).flat();
    const villains = await world.mint(Math.ceil(wanted.length / lettersPerAccount));
    const joined = await Promise.all(
      villains.map(async (player) => {
        const villain = await joinPlayer(world.status().endpoints.ws, player);
        await villain.command("cmd.hex.enter", new Uint8Array(0));
        return villain;
      }),
    );
    const workerPid = world.pidOf("worker-1");
    const calmFromMs = performance.now();
    await pause(calmMs);
    const badFromMs = performance.now();
    const bad: Bad[] = [];
    for (const [i, kind] of wanted.entries()) {
      const player = joined[Math.floor(i / lettersPerAccount)]!;
      const fromMs = performance.now();
      const command = await player.command("cmd.hex.gather", gather(badAmounts[kind]), {
        once: false,
      });
      const { outcome } = command.answer!;
      expect([kind, outcome.case === "error" && outcome.value.errorCode]).toEqual([
        kind,
        ErrorCode.DEAD_LETTERED,
      ]);
      const slot = partitionOf(player.key, 8);
      bad.push({ kind, player, slot, fromMs, toMs: performance.now() });
      await pause(Math.max(spreadMs / wanted.length - (performance.now() - fromMs), 0));
    }
    const badToMs = performance.now();
    await play.finish();
    for (const player of [...joined, ...play.players]) player.close();
    const report = await checkTruth(world.status().services["postgres"]!.url, play.players);
    expect(report.faults).toEqual([]);

    const good = play.players.flatMap((p) => p.commands.map((command) => ({ p, command })));
    expect(good.filter(({ command }) => command.answer?.outcome.case === "error")).toEqual([]);
    let worst = 0;
    for (const { p, command } of good) {
      const during = bad.filter((b) => command.firstSentMs < b.toMs && command.finalMs > b.fromMs);
      if (during.some((b) => b.slot === partitionOf(p.key, 8))) continue;
      if (during.length > 0) worst = Math.max(worst, command.longestAnswerMs);
    }
    const loops = bad.filter((b) => b.kind === "loops");
    const beside = good
      .filter(({ p, command }) =>
        loops.some(
          (b) =>
            b.slot === partitionOf(p.key, 8) &&
            command.firstSentMs < b.toMs &&
            command.finalMs > b.fromMs,
        ),
      )
      .map(({ command }) => command.longestAnswerMs);
    const longestBeside = Math.max(0, ...beside);
    const slowestLetter = Math.max(0, ...loops.map((b) => b.toMs - b.fromMs));
    console.log(
      `loops: ${beside.length} commands beside them waited ${Math.round(longestBeside)} ms at most (promised ${sameSlotMsMax}); letters after ${Math.round(slowestLetter)} ms at most (promised ${letterMsMax})`,
    );
    const took = Map.groupBy(bad, (b) => b.kind);
    for (const [kind, items] of took) {
      console.log(
        `${kind}: given up after ${items.map((b) => Math.round(b.toMs - b.fromMs)).join(", ")} ms`,
      );
    }
    console.log(
      `${good.length} good commands; longest wait in another slot ${Math.round(worst)} ms`,
    );
    const p99 = (fromMs: number, toMs: number): string => {
      const took = good
        .filter(({ command }) => command.firstSentMs >= fromMs && command.firstSentMs < toMs)
        .map(({ command }) => command.finalMs - command.firstSentMs)
        .toSorted((a, b) => a - b);
      return `${Math.round(took[Math.floor(took.length * 0.99)] ?? Number.NaN)} ms of ${took.length}`;
    };
    console.log(
      `p99 without bad commands ${p99(calmFromMs, badFromMs)}, with them ${p99(badFromMs, badToMs)}`,
    );
    expect(worst).toBeLessThanOrEqual(otherSlotMsMax);
    expect(longestBeside).toBeLessThanOrEqual(sameSlotMsMax);
    expect(slowestLetter).toBeLessThanOrEqual(letterMsMax);
    expect(world.pidOf("worker-1")).toBe(workerPid);
    expect(play.players.map((p) => p.connections)).toEqual(play.players.map(() => 1));
    await expect
      .poll(storedLetters, { timeout: 10_000 })
      .toEqual({ letters: wanted.length, attemptsMax: 5 });
  });

  it("block a type for an account after its third letter", async () => {
    const [player] = await world.mint(1);
    const villain = await joinPlayer(world.status().endpoints.ws, player!);
    const codes: (string | undefined)[] = [];
    for (let i = 0; i < 4; i++) {
      const command = await villain.command("cmd.hex.gather", gather(badAmounts.throws), {
        once: true,
      });
      codes.push(command.outcomes[0]);
    }
    expect(codes.map((code) => code?.split(":").slice(1).join(" "))).toEqual([
      ...Array.from({ length: 3 }, () => "DEAD_LETTERED rules-failed"),
      "RESOURCE_EXHAUSTED too-many-dead-letters",
    ]);
    villain.close();
  });

  it("fill a queue, whose refusals are RESOURCE_EXHAUSTED queue-full and no loss, while another slot notices nothing", async () => {
    const [hex] = await world.mint(1);
    const [clumsy, neighbour] = await Promise.all(
      (await world.mint(2, hex!.key)).map(async (player) =>
        joinPlayer(world.status().endpoints.ws, player),
      ),
    );
    const slot = partitionOf(clumsy!.key, 8);
    const far = play.players.find((player) => partitionOf(player.key, 8) !== slot)!.player;
    const bystander = await joinPlayer(world.status().endpoints.ws, far);
    await neighbour!.command("cmd.hex.enter", new Uint8Array(0));
    await clumsy!.command("cmd.hex.enter", new Uint8Array(0));
    await bystander.command("cmd.hex.enter", new Uint8Array(0));
    await limitQueue(`cmd.p${slot}`, 1);
    try {
      const stuck = clumsy!.command("cmd.hex.gather", gather(badAmounts.loops), { once: false });
      const pressed: Promise<PlayedCommand>[] = [];
      const beside: PlayedCommand[] = [];
      for (let i = 0; i < 20; i++) {
        pressed.push(neighbour!.command("cmd.hex.gather", gather(1n)));
        beside.push(await bystander.command("cmd.hex.gather", gather(1n), { once: true }));
        await pause(50);
      }
      await stuck;
      const finished = await Promise.all(pressed);
      const told = finished.flatMap(({ outcomes }) => outcomes);
      console.log(`${told.filter(isQueueFull).length} of ${told.length} answers were queue-full`);
      expect(told.filter(isQueueFull).length).toBeGreaterThan(0);
      expect(finished.map(({ answer }) => answer?.outcome.case)).toEqual(
        finished.map(() => "applied"),
      );
      expect(beside.map(({ answer, outcomes }) => answer?.outcome.case ?? outcomes)).toEqual(
        beside.map(() => "applied"),
      );
    } finally {
      await limitQueue(`cmd.p${slot}`, undefined);
      for (const player of [clumsy!, neighbour!, bystander]) player.close();
    }
  });
});

function isQueueFull(outcome: string): boolean {
  return outcome.endsWith("RESOURCE_EXHAUSTED:queue-full");
}

/** A policy of the broker; the lower of it and the queue's own limit holds. */
async function limitQueue(queue: string, lengthMax: number | undefined): Promise<void> {
  const url = new URL(`/api/policies/%2F/limit-${queue}`, managementUrl());
  const authorization = `Basic ${btoa(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`)}`;
  url.username = "";
  url.password = "";
  const answer = await fetch(url, {
    method: lengthMax === undefined ? "DELETE" : "PUT",
    headers: { authorization, "content-type": "application/json" },
    ...(lengthMax === undefined
      ? {}
      : {
          body: JSON.stringify({
            pattern: `^${queue.replaceAll(".", "\\.")}$`,
            "apply-to": "queues",
            definition: { "max-length": lengthMax },
          }),
        }),
  });
  if (!answer.ok) throw new Error(`the broker takes no policy: ${answer.status}`);
  // It takes effect a moment after it was taken.
  await pause(500);
}

/** Of the world's broker, as its router was told. */
function managementUrl(): string {
  const variables = readFileSync(`/proc/${world.pidOf("router-1")}/environ`, "utf8").split("\0");
  const name = "HEXHOLD_RABBITMQ_MANAGEMENT_URL=";
  const found = variables.find((variable) => variable.startsWith(name));
  if (found === undefined) throw new Error("the router was not told a management URL");
  return found.slice(name.length);
}

async function storedLetters(): Promise<{ letters: number; attemptsMax: number }> {
  return withPostgres(world.status().services["postgres"]!.url, async (client) => {
    const { rows } = await client.query<{ letters: number; attemptsMax: number }>(
      'SELECT count(*)::int AS letters, max(attempts)::int AS "attemptsMax" FROM control.dead_letter',
    );
    return rows[0]!;
  });
}
