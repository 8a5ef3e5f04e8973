/** Players that go from hex to hex while workers, the broker and PostgreSQL are killed. */
import { setTimeout as pause } from "node:timers/promises";
import { type Client, connect } from "@hexhold/client";
import { LocateSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import type { HexView } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { diskOf, hexAt, type Key, keyText } from "@hexhold/hex";
import {
  createReferencePlayer,
  type ReferencePlayer,
  referenceView,
} from "@hexhold/reference-client";
import { gatewayUrls, startWorld, type World, untilSpread } from "@hexhold/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { checkTransfers } from "./check-transfers.ts";
import { signalTree, untilAccepts } from "../processes.ts";

/** 10,000 in the promise. */
const transfersMin = Number(process.env["HEXHOLD_CHAOS_TRANSFERS"] ?? "300");
const playerCount = Number(process.env["HEXHOLD_CHAOS_PLAYERS"] ?? "24");
const workers = ["worker-1", "worker-2", "worker-3"];
/** Where players walk: enough to meet, few enough to be full now and then. */
const centre = hexAt(48.85, 2.35);
const area = diskOf(centre, 2).map((hexId): Key => ({ hexId, layerId: 0 }));
const inArea = new Set(area.map(({ hexId }) => hexId));

let world: World;

beforeAll(async () => {
  world = await startWorld({
    profile: "cluster",
    flags: ["--workers", "3", "--gateways", "2"],
    env: {
      HEXHOLD_GAME__OPTIONS__POPULATION_BASE: "4",
      HEXHOLD_GAME__OPTIONS__POPULATION_PER_LEVEL: "0",
      // Questions come often, so that they cross the answers.
      HEXHOLD_GAME__OPTIONS__TRANSFER_QUERY_MS: "100",
      HEXHOLD_ROUTER__LEASE_TTL_MS: "3000",
      HEXHOLD_ROUTER__REBALANCE_DELAY_MS: "500",
    },
  });
  await untilSpread(world, workers);
});
afterAll(async () => world.stop());

interface Walker {
  readonly client: Client<HexView>;
  readonly player: ReferencePlayer;
  readonly outcomes: Map<string, number>;
  walking: Promise<void>;
}

async function startWalkers(isOver: () => boolean, onTransfer: () => void): Promise<Walker[]> {
  const urls = gatewayUrls(world.status());
  return Promise.all(
    Array.from({ length: playerCount }, async (_, i) => {
      const [minted] = await world.mint(1, keyText(area[i % area.length]!));
      const url = urls[i % urls.length]!;
      const client = await connect({ url, token: minted!.token, view: referenceView });
      const player = createReferencePlayer(client);
      const walker: Walker = { client, player, outcomes: new Map(), walking: Promise.resolve() };
      await player.enter();
      walker.walking = walk(walker, isOver, onTransfer);
      return walker;
    }),
  );
}

async function walk(
  { player, outcomes }: Walker,
  isOver: () => boolean,
  onTransfer: () => void,
): Promise<void> {
  const count = (word: string): void => void outcomes.set(word, (outcomes.get(word) ?? 0) + 1);
  while (!isOver()) {
    const around = diskOf(player.key.hexId, 1).filter(
      (hexId) => hexId !== player.key.hexId && inArea.has(hexId),
    );
    const hexId = around[Math.floor(Math.random() * around.length)]!;
    const outcome = await player.transfer({ hexId, layerId: 0 });
    if (outcome.outcome === "applied") onTransfer();
    count(outcome.outcome === "applied" ? outcome.end : wordOf(outcome));
    // A full hex is left alone for a moment, one that is lost is asked again.
    await pause(outcome.outcome === "applied" ? 5 : 100);
    if (Math.random() < 0.2) count(`gather ${wordOf(await player.gather(Resource.WOOD, 1))}`);
  }
}

function wordOf(outcome: { outcome: string; reason?: string }): string {
  return outcome.outcome === "applied" ? "applied" : `${outcome.outcome} ${outcome.reason}`;
}

/** Its pid is another one after each restart. */
function killService(name: string): void {
  signalTree(world.status().services[name]!.pid!, "SIGKILL");
}

it(`${transfersMin} random transfers with kills: every player ends in exactly one hex`, async () => {
  let transfers = 0;
  let over = false;
  const walkers = await startWalkers(
    () => over,
    () => transfers++,
  );
  const { services } = world.status();
  const faults = [
    ...workers.map((name) => ({
      what: name,
      inject: () => process.kill(world.pidOf(name), "SIGKILL"),
    })),
    { what: "RabbitMQ", inject: () => killService("rabbitmq") },
    { what: "PostgreSQL", inject: () => killService("postgres") },
  ];
  const every = Math.min(500, transfersMin / (faults.length + 1));
  for (let n = 1; n * every < transfersMin; n++) {
    await expect.poll(() => transfers >= n * every, { timeout: 300_000, interval: 50 }).toBe(true);
    const { what, inject } = faults[(n - 1) % faults.length]!;
    console.log(`${transfers} transfers; kill -9 of ${what}`);
    inject();
    if (!workers.includes(what)) {
      const service = services[what === "RabbitMQ" ? "rabbitmq" : "postgres"]!;
      await pause(500);
      await untilAccepts(service.url, 30_000);
    }
    await pause(2000);
  }
  await expect.poll(() => transfers >= transfersMin, { timeout: 300_000, interval: 50 }).toBe(true);
  over = true;
  await Promise.all(walkers.map(({ walking }) => walking));
  const adminUrl = services["postgres"]!.url;
  await expect
    .poll(async () => (await checkTransfers(adminUrl)).inTransit, {
      timeout: 30_000,
      interval: 500,
    })
    .toBe(0);
  const report = await checkTransfers(adminUrl);
  const outcomes = new Map<string, number>();
  for (const walker of walkers)
    for (const [word, n] of walker.outcomes) outcomes.set(word, (outcomes.get(word) ?? 0) + n);
  console.log(
    `${report.transfers} transfers: ${report.arrived} arrived, ${report.returned} returned, ` +
      `${report.queried} questions; players saw ${JSON.stringify(Object.fromEntries(outcomes))}`,
  );
  expect(report.faults).toEqual([]);
  expect(report.transfers).toBeGreaterThanOrEqual(transfersMin);
  expect(report.returned).toBeGreaterThan(0);
  // What each player believes is where it lives.
  for (const { player, client } of walkers) {
    expect(await client.send(LocateSchema, player.key)).toMatchObject({ outcome: "applied" });
    expect(client.stats.gapsUnnoticed).toBe(0);
    client.close();
  }
});
