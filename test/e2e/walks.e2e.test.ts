/** Players that walk far in one connection, and see their own surroundings all the way. */
import { connect, type HexUpdate } from "@hexhold/client";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import type { HexView } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { centreOf, diskOf, hexAt, type Key, keyText } from "@hexhold/hex";
import {
  createReferencePlayer,
  type ReferencePlayer,
  referenceView,
} from "@hexhold/reference-client";
import { startWorld, type World } from "@hexhold/testing";
import { afterAll, beforeAll, expect, it, vi } from "vitest";

const steps = 30;
let world: World;

beforeAll(async () => {
  world = await startWorld({ profile: "embedded" });
});
afterAll(async () => world.stop());

const disk = (key: Key, radius: number): Key[] =>
  diskOf(key.hexId, radius).map((hexId) => ({ hexId, layerId: key.layerId }));

/** What was said of hexes that are not shown, by reason. */
function watcher() {
  const denied: Record<string, number> = {};
  const shown = new Set<string>();
  const listen = (update: HexUpdate<HexView>): void => {
    if (update.kind === "denied") {
      denied[update.reason] = (denied[update.reason] ?? 0) + 1;
      shown.delete(keyText(update.key));
    } else if (update.kind === "state") {
      shown.add(keyText(update.key));
    }
  };
  return { denied, shown, listen };
}

async function join(at: number) {
  const [player] = await world.mint(1, hexAt(at, 2).toString(16));
  const url = world.status().endpoints.ws;
  const client = await connect({ url, token: player!.token, view: referenceView });
  const figure = createReferencePlayer(client);
  await figure.enter();
  return { client, figure, player: player! };
}

/** To a neighbour that is furthest from where it began, and was not visited. */
async function stepOn(figure: ReferencePlayer, visited: Set<string>): Promise<Key> {
  const to = disk(figure.key, 1)
    .slice(1)
    .filter((key) => !visited.has(keyText(key)))
    .toSorted((a, b) => centreOf(b.hexId)[0] - centreOf(a.hexId)[0])[0]!;
  expect(await figure.transfer(to)).toMatchObject({ outcome: "applied", end: "arrived" });
  visited.add(keyText(to));
  return to;
}

it(`a player that walks ${steps} hexes in one connection watches all it may see, all the way`, async () => {
  const { client, figure } = await join(48);
  const { denied, shown, listen } = watcher();
  let views = client.subscribe(disk(figure.key, 2), listen);
  const visited = new Set([keyText(figure.key)]);
  for (let step = 0; step < steps; step++) {
    const at = await stepOn(figure, visited);
    // 19 may be watched: the old ones end before the new ones are asked for.
    const next = client.subscribe(disk(at, 2), listen);
    views.close();
    views = next;
    await vi.waitFor(
      () => expect(disk(at, 2).filter((key) => !shown.has(keyText(key)))).toEqual([]),
      { timeout: 10_000 },
    );
  }
  expect(visited.size).toBe(steps + 1);
  // Of 19 hexes a step leaves five behind; nothing was ever too far.
  expect(denied).toEqual({ "left-behind": 5 * steps });
  client.close();
});

it("hexes that a player leaves behind are closed, and the client told", async () => {
  const { client, figure } = await join(49);
  const { denied, shown, listen } = watcher();
  const first = disk(figure.key, 2);
  client.subscribe(first, listen);
  await vi.waitFor(() => expect(shown.size).toBe(first.length));
  const visited = new Set([keyText(figure.key)]);
  for (let step = 0; step < 5; step++) await stepOn(figure, visited);
  await figure.gather(Resource.WOOD, 1);
  await vi.waitFor(() => expect([...shown]).toEqual([]));
  expect(denied).toEqual({ "left-behind": first.length });
  client.close();
});

it("a player that comes back with an old token sees where it lives, not where it lived", async () => {
  const { client, figure, player } = await join(50);
  const old = figure.key;
  const visited = new Set([keyText(old)]);
  for (let step = 0; step < 4; step++) await stepOn(figure, visited);
  await figure.gather(Resource.WOOD, 1);
  const now = figure.key;
  client.close();
  const url = world.status().endpoints.ws;
  const again = await connect({ url, token: player.token, view: referenceView });
  expect(again.welcome?.residence).toEqual(now);
  const { denied, shown, listen } = watcher();
  again.subscribe([now, old], listen);
  await vi.waitFor(() => expect([shown.size, denied["too-far"]]).toEqual([1, 1]));
  again.close();
});
