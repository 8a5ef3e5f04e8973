/** Hexes that are built upon: contributions, sites, owners and taxes, as players reach them, with processes killed and frozen. */
import { fromBinary } from "@bufbuild/protobuf";
import { type Client, connect, createInventory, type Inventory, uuidBytes } from "@hexhold/client";
import { GetItemsSchema } from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import { ContributeSchema, type HexView } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { type SiteFinished, SiteFinishedSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { Resource, SiteKind } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { hexAt, type Key, parseKeyText } from "@hexhold/hex";
import {
  createReferencePlayer,
  ownerAt,
  type ReferencePlayer,
  referenceView,
  taxRateAt,
} from "@hexhold/reference-client";
import { type Player, startWorld, withPostgres, type World } from "@hexhold/testing";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { elect } from "./elect.ts";

const buildMs = 6_000;
const taxDelayMs = 1_500;
const electionMs = 2_000;
const termMs = 8_000;
let world: World;
const clients: Client<HexView>[] = [];

beforeAll(async () => {
  const dwelling = { levelMin: 0, buildMs, needs: { wood: 10, stone: 0, food: 5 } };
  world = await startWorld({
    profile: "cluster",
    env: {
      HEXHOLD_GAME__OPTIONS__SITES: JSON.stringify({ dwelling }),
      HEXHOLD_GAME__OPTIONS__TAX_DELAY_MS: String(taxDelayMs),
      HEXHOLD_GAME__OPTIONS__TAKE_QUERY_MS: "500",
      HEXHOLD_GOVERNANCE__ELECTION_MS: String(electionMs),
      HEXHOLD_GOVERNANCE__TERM_MS: String(termMs),
    },
  });
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(async () => world?.stop());

interface Resident {
  readonly accountId: Uint8Array;
  readonly player: Player;
  readonly client: Client<HexView>;
  readonly figure: ReferencePlayer;
  readonly inventory: Inventory;
  readonly key: Key;
}

let nth = 0;

/** Players in a hex of their own. */
async function settle(count: number, goods: Readonly<Record<string, number>>): Promise<Resident[]> {
  const key = hexAt(40 + nth++, 10).toString(16);
  const players = await world.mint(count, key);
  return Promise.all(
    players.map(async (player) => {
      const url = world.status().endpoints.ws;
      const client = await connect({ url, token: player.token, view: referenceView });
      clients.push(client);
      const figure = createReferencePlayer(client);
      expect((await figure.enter()).outcome).toBe("applied");
      for (const [asset, amount] of Object.entries(goods)) {
        await world.grant(player.accountId, asset, BigInt(amount));
      }
      return {
        accountId: uuidBytes(player.accountId),
        player,
        client,
        figure,
        inventory: createInventory(client),
        key: parseKeyText(player.key),
      };
    }),
  );
}

async function have({ inventory }: Resident): Promise<Record<string, string>> {
  const outcome = await inventory.balances();
  if (outcome.outcome !== "applied") return { outcome: outcome.outcome };
  const there = outcome.result.balances.filter(({ amount }) => amount > 0n);
  return Object.fromEntries(there.map(({ asset, amount }) => [asset, String(amount)]));
}

async function see({ client, key }: Resident): Promise<HexView> {
  const outcome = await client.observe(key);
  if (outcome.outcome !== "applied") throw new Error(outcome.reason);
  return outcome.result;
}

/** What a command was answered with, in a word. */
function said(outcome: { readonly outcome: string; readonly reason?: string }): string {
  return outcome.outcome === "refused" ? outcome.reason! : outcome.outcome;
}

async function plan(resident: Resident): Promise<Uint8Array> {
  const outcome = await resident.figure.planSite(SiteKind.DWELLING);
  if (outcome.outcome !== "applied") throw new Error(said(outcome));
  return outcome.result.siteId;
}

const settles = (check: () => Promise<unknown>) => expect.poll(check, { timeout: 20_000 });

async function finishedOf({ key }: Resident): Promise<SiteFinished | undefined> {
  return withPostgres(world.status().services["postgres"]!.url, async (client) => {
    const { rows } = await client.query<{ payload: Buffer }>(
      "SELECT payload FROM world.journal WHERE hex_id = $1 AND type = 'evt.hex.site-finished'",
      [key.hexId.toString()],
    );
    return rows[0] === undefined ? undefined : fromBinary(SiteFinishedSchema, rows[0].payload);
  });
}

function signal(name: string, what: NodeJS.Signals): void {
  process.kill(world.pidOf(name), what);
}

test("what is given to a hex is paid in coin, and what one does not have is not taken", async () => {
  const [giver] = await settle(1, { stone: 5 });
  expect(said(await giver!.figure.contribute(Resource.STONE, 3))).toBe("applied");
  await settles(() => have(giver!)).toEqual({ coin: "6", stone: "2" });
  await settles(async () => (await see(giver!)).xp).toBe(60n);
  expect(said(await giver!.figure.contribute(Resource.STONE, 3))).toBe("applied");
  await settles(async () => (await see(giver!)).pending).toEqual([]);
  expect(await have(giver!)).toEqual({ coin: "6", stone: "2" });
});

test("a site stands at its time, though its worker is killed while it is built", async () => {
  const [planner, helper] = await settle(2, { wood: 20, food: 20 });
  const siteId = await plan(planner!);
  expect(said(await planner!.figure.contribute(Resource.WOOD, 10, siteId))).toBe("applied");
  expect(said(await helper!.figure.contribute(Resource.FOOD, 5, siteId))).toBe("applied");
  await settles(async () => (await see(planner!)).site?.startedMs ?? 0n).not.toBe(0n);
  const { site } = await see(planner!);
  const dueMs = Number(site!.dueMs);
  expect(dueMs - Number(site!.startedMs)).toBe(buildMs);
  signal("worker-1", "SIGKILL");
  await settles(async () => (await see(planner!)).site?.siteId).toEqual(siteId);
  const servedMs = Date.now();
  await settles(() => finishedOf(planner!)).toBeDefined();
  const finished = await finishedOf(planner!);
  const lateMs = Number(finished!.atMs) - Math.max(dueMs, servedMs);
  expect(lateMs).toBeGreaterThanOrEqual(servedMs > dueMs ? -1_000 : 0);
  expect(lateMs).toBeLessThan(1_000);
  const view = await see(planner!);
  expect(view.buildings).toMatchObject([{ kind: SiteKind.DWELLING, count: 1 }]);
  expect(view.populationMax).toBe(32 + 8 * view.level + 16);
  await settles(() => have(planner!)).toEqual({ coin: "10", food: "20", wood: "10" });
  expect(await have(helper!)).toEqual({ coin: "5", food: "15", wood: "20" });
  await settles(async () => {
    const outcome = await planner!.client.send(GetItemsSchema, undefined, {});
    return outcome.outcome === "applied" ? outcome.result.items : [];
  }).toMatchObject([{ kind: "plaque" }]);
});

test("a worker that is dead when a site is due finishes it as soon as it serves again", async () => {
  const [planner] = await settle(1, { wood: 10, food: 5 });
  const siteId = await plan(planner!);
  await planner!.figure.contribute(Resource.WOOD, 10, siteId);
  await planner!.figure.contribute(Resource.FOOD, 5, siteId);
  await settles(async () => (await see(planner!)).site?.startedMs ?? 0n).not.toBe(0n);
  const dueMs = Number((await see(planner!)).site!.dueMs);
  await new Promise((resolve) => setTimeout(resolve, dueMs - 300 - Date.now()));
  signal("worker-1", "SIGKILL");
  await settles(() => see(planner!).then(() => true)).toBe(true);
  const servedMs = Date.now();
  await settles(() => finishedOf(planner!)).toBeDefined();
  expect(servedMs).toBeGreaterThan(dueMs);
  expect(Number((await finishedOf(planner!))!.atMs) - servedMs).toBeLessThan(1_000);
});

test("with the inventory frozen contributions wait; what a given-up site has gets goes back, the late part too", async () => {
  const [planner, helper] = await settle(2, { wood: 10, food: 10 });
  const siteId = await plan(planner!);
  await planner!.figure.contribute(Resource.WOOD, 4, siteId);
  await settles(async () => (await see(planner!)).site?.shares.length).toBe(1);
  expect(await have(planner!)).toEqual({ food: "10", wood: "6" });
  signal("inventory-1", "SIGSTOP");
  try {
    expect(said(await helper!.figure.contribute(Resource.FOOD, 5, siteId))).toBe("applied");
    expect(said(await helper!.figure.contribute(Resource.STONE, 1))).toBe("applied");
    // It is asked what became of them, and nothing ends.
    await settles(async () => (await see(helper!)).pending.map(({ queried }) => queried)).toEqual([
      2, 2,
    ]);
    expect(said(await helper!.figure.giveUpSite(siteId))).toBe("not-owner");
    expect(said(await planner!.figure.giveUpSite(siteId))).toBe("applied");
    expect((await see(planner!)).site).toBeUndefined();
    const { output } = await world.hexctl("saga", "--json");
    expect(JSON.stringify(output)).toContain("take");
  } finally {
    signal("inventory-1", "SIGCONT");
  }
  await settles(async () => (await see(helper!)).pending).toEqual([]);
  await settles(() => have(planner!)).toEqual({ food: "10", wood: "10" });
  await settles(() => have(helper!)).toEqual({ food: "10", wood: "10" });
});

test("an owner taxes what others gather, ten minutes after they could see it, until the term is over", async () => {
  const [owner, other] = await settle(2, { wood: 12 });
  await elected(owner!, other!);
  const electedMs = Date.now();
  expect(said(await other!.figure.setTax(100))).toBe("not-owner");
  expect(said(await owner!.figure.setTax(201))).toBe("tax-too-high");
  expect(said(await owner!.figure.setTax(200))).toBe("applied");
  expect(said(await owner!.figure.setTax(0))).toBe("tax-pending");
  expect((await see(other!)).tax).toMatchObject({ ratePerMille: 0, nextRatePerMille: 200 });
  const early = await other!.figure.gather(Resource.WOOD, 5);
  expect(early).toMatchObject({ outcome: "applied", result: { amount: 5n, ownerAmount: 0n } });
  await new Promise((resolve) => setTimeout(resolve, taxDelayMs + 200));
  expect(taxRateAt(await see(other!), Date.now())).toBe(200);
  const taxed = await other!.figure.gather(Resource.WOOD, 12);
  expect(taxed).toMatchObject({ outcome: "applied", result: { amount: 12n, ownerAmount: 2n } });
  // Each has been paid for what it gave.
  await settles(() => have(owner!)).toEqual({ coin: "12", wood: "2" });
  expect(await have(other!)).toEqual({ coin: "12", wood: "15" });
  const leftMs = Math.max(electedMs + termMs - Date.now(), 0) + 200;
  await new Promise((resolve) => setTimeout(resolve, leftMs));
  expect(ownerAt(await see(other!), Date.now())).toBeUndefined();
  const after = await other!.figure.gather(Resource.WOOD, 10);
  expect(after).toMatchObject({ result: { ownerAmount: 0n } });
  expect(said(await owner!.figure.setTax(0))).toBe("not-owner");
});

/** Both give to their hex, and the first one gets it. */
async function elected(owner: Resident, other: Resident): Promise<void> {
  for (const { figure } of [owner, other]) {
    expect(said(await figure.contribute(Resource.WOOD, 12))).toBe("applied");
  }
  await elect([owner, other]);
  await settles(async () => ownerAt(await see(other), Date.now())).toEqual(owner.accountId);
}

test("what cannot be done is refused by name", async () => {
  const [planner, other] = await settle(2, { wood: 100, food: 100 });
  const { figure } = planner!;
  const none = new Uint8Array(16).fill(1);
  expect(said(await figure.contribute(Resource.WOOD, 1, none))).toBe("unknown-site");
  expect(said(await figure.giveUpSite(none))).toBe("unknown-site");
  expect(said(await figure.planSite(SiteKind.WELL))).toBe("level-too-low");
  const siteId = await plan(planner!);
  expect(said(await figure.planSite(SiteKind.DWELLING))).toBe("site-open");
  expect(said(await figure.contribute(Resource.ORE, 1, siteId))).toBe("not-needed");
  expect(said(await figure.contribute(Resource.WOOD, 11, siteId))).toBe("site-full");
  expect(said(await other!.figure.giveUpSite(siteId))).toBe("not-owner");
  await figure.contribute(Resource.WOOD, 10, siteId);
  await figure.contribute(Resource.FOOD, 5, siteId);
  await settles(async () => (await see(planner!)).site?.startedMs ?? 0n).not.toBe(0n);
  expect(said(await figure.giveUpSite(siteId))).toBe("building");
  signal("inventory-1", "SIGSTOP");
  try {
    for (let n = 0; n < 4; n++)
      expect(said(await figure.contribute(Resource.WOOD, 1))).toBe("applied");
    expect(said(await figure.contribute(Resource.WOOD, 1))).toBe("too-many-pending");
  } finally {
    signal("inventory-1", "SIGCONT");
  }
  await settles(() => finishedOf(planner!)).toBeDefined();
  expect(said(await figure.planSite(SiteKind.DWELLING))).toBe("not-owner");
  await elected(planner!, other!);
  await settles(async () => said(await figure.planSite(SiteKind.DWELLING))).toBe("no-room");
  await figure.leave();
  expect(said(await figure.contribute(Resource.WOOD, 1))).toBe("offline");
  expect(said(await figure.planSite(SiteKind.DWELLING))).toBe("offline");
  // Elsewhere nobody of here may act.
  const [stranger] = await settle(1, {});
  const wanted = { resource: Resource.WOOD, amount: 1n };
  const elsewhere = await stranger!.client.send(ContributeSchema, planner!.key, wanted);
  expect(said(elsewhere)).toBe("not-resident");
});

test("all the time every amount is where it belongs", async () => {
  const { output, code } = await world.hexctl("verify", "--economy");
  expect(output).toMatch(/0 failed\s*$/);
  expect(code).toBe(0);
});
