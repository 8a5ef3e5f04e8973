import {
  type Client,
  type ClientOptions,
  connect,
  createInventory,
  type HexUpdate,
  hexDigits,
  uuidBytes,
} from "@hexhold/client";
import { SpawnSchema, TransferSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import {
  GatherSchema,
  type HexView,
  MoveSchema,
} from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { diskOf, hexAt, type Key, parseKeyText } from "@hexhold/hex";
import {
  createReferencePlayer,
  type ReferencePlayer,
  referenceView,
} from "@hexhold/reference-client";
import { evenLand, type Player, startWorld, type World } from "@hexhold/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

let world: World;
const clients: Client<HexView>[] = [];

beforeAll(async () => {
  world = await startWorld({ profile: "embedded", env: evenLand });
});

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

afterAll(async () => {
  await world?.stop();
});

async function join(
  player: Player,
  options: Partial<ClientOptions<HexView>> = {},
): Promise<{ client: Client<HexView>; key: Key; figure: ReferencePlayer }> {
  const url = world.status().endpoints.ws;
  const client = await connect({ url, token: player.token, view: referenceView, ...options });
  clients.push(client);
  const figure = createReferencePlayer(client);
  return { client, key: figure.key, figure };
}

/** A hex of its own for each test: stocks are what the test makes of them. */
let nth = 0;
async function mintAlone(count = 1): Promise<Player[]> {
  const key = hexAt(48 + nth++ * 0.5, 2).toString(16);
  return world.mint(count, key);
}

describe("the SDK against a real world", () => {
  test("joins where the player lives, on the server's time", async () => {
    const [player] = await mintAlone();
    const { client, key } = await join(player!);
    expect(client.welcome?.accountId).toEqual(uuidBytes(player!.accountId));
    expect(key).toEqual(parseKeyText(player!.key));
    expect(Math.abs(client.serverNow() - Date.now())).toBeLessThan(1000);
  });

  test("gathers until the stock is depleted, and is told when to come back", async () => {
    const [player] = await mintAlone();
    const { figure } = await join(player!);
    expect(await figure.enter()).toMatchObject({ outcome: "applied", result: { online: 1 } });
    const first = await figure.gather(Resource.WOOD, 60);
    expect(first).toMatchObject({
      outcome: "applied",
      result: { amount: 60n, left: 40n },
      durability: "DURABLE",
      replayed: false,
    });
    const second = await figure.gather(Resource.WOOD, 60);
    expect(second).toMatchObject({ outcome: "refused", reason: "depleted" });
    // 60 s from empty to full: twenty are there again in twelve seconds.
    const { retryAfterMs } = second as { retryAfterMs: number };
    expect(retryAfterMs).toBeGreaterThan(5000);
    expect(retryAfterMs).toBeLessThanOrEqual(12_000);
  });

  test("what was gathered is credited once, and told with its history, page by page", async () => {
    const [player] = await mintAlone();
    const { client, figure } = await join(player!);
    const inventory = createInventory(client);
    expect(await inventory.balances()).toMatchObject({
      outcome: "applied",
      result: { balances: [], nextAfter: "" },
      durability: "READ",
    });
    await figure.enter();
    const requestId = client.newRequestId();
    await figure.gather(Resource.WOOD, 7, { requestId });
    await figure.gather(Resource.WOOD, 7, { requestId });
    await figure.gather(Resource.STONE, 5);
    await figure.gather(Resource.WOOD, 2);
    const owned = async (): Promise<string[]> => {
      const outcome = await inventory.balances();
      if (outcome.outcome !== "applied") throw new Error(outcome.reason);
      return outcome.result.balances.map(({ asset, amount }) => `${asset} ${amount}`);
    };
    await expect.poll(owned, { timeout: 5_000, interval: 50 }).toEqual(["stone 5", "wood 9"]);
    const page = await inventory.history({ limit: 2 });
    if (page.outcome !== "applied") throw new Error(page.reason);
    const { entries, nextBefore } = page.result;
    expect(entries).toMatchObject([
      { asset: "wood", amount: 2n, kind: "gathered" },
      { asset: "stone", amount: 5n },
    ]);
    expect(Math.abs(Number(entries[0]!.atMs) - client.serverNow())).toBeLessThan(10_000);
    expect(await inventory.history({ before: nextBefore })).toMatchObject({
      result: { entries: [{ asset: "wood", amount: 7n }], nextBefore: 0n },
    });
    expect(await inventory.history({ limit: 101 })).toMatchObject({
      outcome: "error",
      reason: "invalid-payload",
    });
  });

  test("a request id sent again is the same command: same answer, replayed, one effect", async () => {
    const [player] = await mintAlone();
    const { client, key, figure } = await join(player!);
    await figure.enter();
    const requestId = client.newRequestId();
    const first = await figure.gather(Resource.STONE, 10, { requestId });
    const again = await figure.gather(Resource.STONE, 10, { requestId });
    expect(first).toMatchObject({ outcome: "applied", replayed: false });
    expect(again).toEqual({ ...first, replayed: true });
    // Over another connection, too.
    client.close();
    const later = await join(player!);
    expect(await later.figure.gather(Resource.STONE, 10, { requestId })).toEqual(again);
    const view = await later.client.observe(key);
    expect(view).toMatchObject({ outcome: "applied", hexVersion: 3 });
    const other = await later.figure.gather(Resource.STONE, 11, { requestId });
    expect(other).toMatchObject({ outcome: "error", errorCode: "IDEMPOTENCY_MISMATCH" });
  });

  test("a refusal sent again is the same refusal", async () => {
    const [player] = await mintAlone();
    const { client, figure } = await join(player!);
    const requestId = client.newRequestId();
    const first = await figure.gather(Resource.FOOD, 10, { requestId });
    expect(first).toMatchObject({ outcome: "refused", reason: "offline", replayed: false });
    await figure.enter();
    const again = await figure.gather(Resource.FOOD, 10, { requestId });
    expect(again).toEqual({ ...first, replayed: true });
  });

  test("volatile moves are answered as such, and an older one changes nothing", async () => {
    const [player] = await mintAlone();
    const { client, key, figure } = await join(player!);
    await figure.enter();
    const move = (x: number, volatileSeq: bigint) =>
      client.send(MoveSchema, key, { x, y: 0 }, { volatileSeq });
    expect(await move(10, 5n)).toMatchObject({ outcome: "applied", durability: "VOLATILE" });
    expect(await move(20, 4n)).toMatchObject({ outcome: "refused", reason: "out-of-order" });
    expect(await move(20, 5n)).toMatchObject({ outcome: "refused", reason: "out-of-order" });
    expect(await move(2000, 6n)).toMatchObject({
      outcome: "error",
      errorCode: "INVALID_ARGUMENT",
    });
    const observed = await figure.observe();
    expect(observed).toMatchObject({ result: { players: [{ x: 10, y: 0 }] } });
  });

  test("what a client may not send is refused at the door", async () => {
    const [player] = await mintAlone();
    const { client, key } = await join(player!);
    const playerId = uuidBytes(player!.accountId);
    expect(await client.send(SpawnSchema, key, { playerId })).toMatchObject({
      outcome: "error",
      errorCode: "PERMISSION_DENIED",
    });
    const [, neighbour] = diskOf(key.hexId, 1);
    const elsewhere = { hexId: neighbour!, layerId: 0 };
    const gather = { resource: Resource.WOOD, amount: 1n };
    expect(await client.send(GatherSchema, elsewhere, gather)).toMatchObject({
      outcome: "refused",
      reason: "not-resident",
    });
  });

  test("whoever watches sees what another does: state first, then every event, and no gap", async () => {
    const [watcher, actor] = await mintAlone(2);
    const seen: HexUpdate<HexView>[] = [];
    const { client, key } = await join(watcher!);
    const ring = diskOf(key.hexId, 2).map((hexId) => ({ hexId, layerId: 0 }));
    client.subscribe(ring, (update) => {
      if (update.key.hexId === key.hexId) seen.push(update);
    });
    await expect.poll(() => client.stats.states, { timeout: 10_000 }).toBe(19);
    const { figure } = await join(actor!);
    await figure.enter();
    for (let i = 1; i <= 20; i++) await figure.gather(Resource.WOOD, 1);
    for (let i = 1; i <= 10; i++) {
      figure.move(i * 10, 0);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    await expect.poll(() => client.view(key)?.view.players[0]?.x, { timeout: 5000 }).toBe(100);
    const [first, ...rest] = seen;
    expect(first?.kind).toBe("state");
    expect(rest.every((update) => update.kind === "event")).toBe(true);
    const numbers = seen.map((update) => ("seen" in update ? update.seen.viewSeq : 0));
    expect(numbers).toEqual(numbers.map((_, i) => numbers[0]! + i));
    expect(rest.length).toBeGreaterThanOrEqual(22);
    const view = client.view(key)?.view;
    expect(view?.xp).toBe(20n);
    expect(view?.players.map(({ playerId }) => hexDigits(playerId))).toEqual([
      actor!.accountId.replaceAll("-", ""),
    ]);
    // The fold, held against the state itself.
    client.resync([key]);
    await expect.poll(() => client.stats.states, { timeout: 5000 }).toBe(20);
    expect(client.stats).toMatchObject({ gapsNoticed: 0, gapsUnnoticed: 0, malformed: 0 });
  });

  test("what is too far is denied, by name of the hex", async () => {
    const [player] = await mintAlone();
    const { client } = await join(player!);
    const far: HexUpdate<HexView>[] = [];
    client.subscribe([{ hexId: hexAt(-33, 151), layerId: 0 }], (update) => far.push(update));
    await expect.poll(() => far.length).toBe(1);
    expect(far[0]).toMatchObject({ kind: "denied", reason: "too-far" });
  });

  test("a fold of another game is told what the world's views are, instead of being shown nothing", async () => {
    const [player] = await mintAlone();
    const faults: unknown[] = [];
    const reads = [{ type: "other.v1.Board", version: 1 }];
    const { client, key } = await join(player!, {
      view: { ...referenceView, reads },
      onFault: (error) => faults.push(error),
    });
    const updates: HexUpdate<HexView>[] = [];
    client.subscribe([key], (update) => updates.push(update));
    await expect.poll(() => updates.length).toBe(1);
    // Its name before it moved to the reference game's package, which the wire keeps.
    const came = { type: "hexhold.hex.v1.HexView", version: 2 };
    expect(updates[0]).toMatchObject({
      kind: "unreadable",
      error: { code: "VIEW_MISMATCH", came, expected: reads },
    });
    expect(faults).toHaveLength(1);
  });

  test("a newer session of the same player ends the older one", async () => {
    const [player] = await mintAlone();
    const { client } = await join(player!);
    await join(player!);
    await expect
      .poll(() => client.state)
      .toMatchObject({ mode: "closed", reason: "newer-session" });
  });

  test("a token that is none ends it with a reason", async () => {
    const url = world.status().endpoints.ws;
    await expect(connect({ url, token: "not-a-token" })).rejects.toMatchObject({
      reason: "bad-token",
    });
  });

  test("walks to a neighbouring hex and back, online, with everybody's views true", async () => {
    const [walker, watcher] = await mintAlone(2);
    const { figure, key, client } = await join(walker!);
    const other = await join(watcher!);
    const to = { hexId: diskOf(key.hexId, 1)[3]!, layerId: 0 };
    const views = new Map<bigint, number>();
    const seen = other.client.subscribe([key, to], (update) => {
      if (update.kind === "state" || update.kind === "event")
        views.set(update.key.hexId, update.seen.view.players.length);
    });
    await figure.enter();
    await expect.poll(() => [views.get(key.hexId), views.get(to.hexId)]).toEqual([1, 0]);
    const startedMs = performance.now();
    expect(await figure.transfer(to)).toMatchObject({ outcome: "applied", end: "arrived" });
    console.log(`a transfer took ${Math.round(performance.now() - startedMs)} ms`);
    expect(figure.key).toEqual(to);
    expect(await figure.gather(Resource.WOOD, 5)).toMatchObject({ outcome: "applied" });
    await expect.poll(() => [views.get(key.hexId), views.get(to.hexId)]).toEqual([0, 1]);
    expect(await figure.transfer(key)).toMatchObject({
      outcome: "applied",
      end: "arrived",
      result: { number: 2n },
    });
    await expect.poll(() => [views.get(key.hexId), views.get(to.hexId)]).toEqual([1, 0]);
    other.client.resync([key, to]);
    expect(await figure.leave()).toMatchObject({ outcome: "applied" });
    await expect.poll(() => views.get(key.hexId)).toBe(0);
    expect(client.stats.gapsUnnoticed + other.client.stats.gapsUnnoticed).toBe(0);
    seen.close();
  });

  test("logs out in transit: wherever it has come to, the player is offline there", async () => {
    const [player] = await mintAlone();
    const { figure, key, client } = await join(player!);
    const to = { hexId: diskOf(key.hexId, 1)[1]!, layerId: 0 };
    await figure.enter();
    const { hexId: toHexId, layerId: toLayerId } = to;
    await client.send(TransferSchema, key, { toHexId, toLayerId });
    // From where the player knows itself: the origin, which says where it went.
    expect(await figure.leave()).toMatchObject({ outcome: "applied" });
    expect(figure.key).toEqual(to);
    const there = await client.observe(to);
    expect(there).toMatchObject({ outcome: "applied", result: { players: [], population: 1 } });
  });

  test("is sent back from a hex that is full, and says why it cannot go", async () => {
    const [player] = await mintAlone();
    const { figure, key, client } = await join(player!);
    const to = { hexId: diskOf(key.hexId, 1)[2]!, layerId: 0 };
    await world.mint(32, to.hexId.toString(16));
    await figure.enter();
    expect(await figure.transfer(to)).toMatchObject({
      outcome: "applied",
      end: "returned",
      reason: "hex-full",
    });
    expect(figure.key).toEqual(key);
    expect(await figure.gather(Resource.WOOD, 5)).toMatchObject({ outcome: "applied" });
    const far = { hexId: diskOf(key.hexId, 2).at(-1)!, layerId: 0 };
    expect(await figure.transfer(far)).toMatchObject({
      outcome: "refused",
      reason: "not-adjacent",
    });
    expect(client.stats.gapsUnnoticed).toBe(0);
  });
});
