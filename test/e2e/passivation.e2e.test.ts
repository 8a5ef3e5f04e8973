/** Actors leave memory and come back, and nobody notices. */
import { connect, type Client } from "@hexhold/client";
import { type HexView, MoveSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { diskOf, hexAt } from "@hexhold/hex";
import {
  createReferencePlayer,
  type ReferencePlayer,
  referenceView,
} from "@hexhold/reference-client";
import { startWorld, type World } from "@hexhold/testing";
import { afterAll, beforeAll, expect, it } from "vitest";

const memoryMbMax = 1;
let world: World;

beforeAll(async () => {
  world = await startWorld({
    profile: "embedded",
    env: {
      HEXHOLD_WORKER__PASSIVATE_AFTER_MS: "2000",
      HEXHOLD_WORKER__ACTOR_MEMORY_MB_MAX: String(memoryMbMax),
      HEXHOLD_GATEWAY__COMMANDS_PER_S: "100000",
    },
  });
});
afterAll(async () => world?.stop());

async function metric(name: string): Promise<number> {
  const worker = world.status().processes.find(({ kind }) => kind === "worker");
  const text = await (await fetch(`${worker!.controlUrl}/metrics`)).text();
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return line === undefined ? Number.NaN : Number(line.split(" ").at(-1));
}

async function join(): Promise<{ client: Client<HexView>; player: ReferencePlayer }> {
  const [minted] = await world.mint(1, hexAt(48.85, 2.35).toString(16));
  const url = world.status().endpoints.ws;
  const client = await connect({ url, token: minted!.token, view: referenceView });
  return { client, player: createReferencePlayer(client) };
}

it("an idle hex leaves memory with its snapshot, and goes on where it was: positions, version, views", async () => {
  const { client, player } = await join();
  const states: number[] = [];
  client.subscribe([player.key], ({ kind }) => void (kind === "state" && states.push(1)));
  await player.enter();
  await client.send(MoveSchema, player.key, { x: 100, y: -200 });
  const before = await player.gather(Resource.WOOD, 5);
  // This one, and that of the guest who is born with every world.
  const forIdleness = 'hexhold_worker_passivated_total{cause="idle"}';
  await expect.poll(() => metric(forIdleness), { timeout: 15_000, interval: 100 }).toBe(2);
  const after = await player.gather(Resource.WOOD, 5);
  if (before.outcome !== "applied" || after.outcome !== "applied") throw new Error("refused");
  expect(after.hexVersion).toBe(before.hexVersion + 1);
  const seen = await player.observe();
  expect(seen).toMatchObject({ outcome: "applied", result: { players: [{ x: 100, y: -200 }] } });
  // Another activation is noticed by its event, and the state asked for again.
  await expect.poll(() => states.length, { timeout: 5000 }).toBeGreaterThan(1);
  expect(client.stats.gapsUnnoticed).toBe(0);
  client.close();
});

it("beyond the budget those asked longest ago make room", async () => {
  const { client } = await join();
  const hexes = diskOf(hexAt(40, 0), 20).slice(0, 1200);
  for (let from = 0; from < hexes.length; from += 50) {
    await Promise.all(
      hexes
        .slice(from, from + 50)
        .map((hexId) => client.observe({ hexId, layerId: 0 }, { ordered: false })),
    );
  }
  const forMemory = 'hexhold_worker_passivated_total{cause="memory"}';
  await expect.poll(() => metric(forMemory), { timeout: 5000, interval: 50 }).toBeGreaterThan(100);
  await expect
    .poll(() => metric("hexhold_worker_actor_memory_bytes"), { timeout: 5000, interval: 50 })
    .toBeLessThanOrEqual(memoryMbMax * 1024 * 1024);
  const [first] = hexes;
  const again = await client.observe({ hexId: first!, layerId: 0 });
  expect(again).toMatchObject({ outcome: "applied" });
  client.close();
});
