/** A data directory of the release before: opened, played in as it was, raised to today's format, and verified. */
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { type Client, connect, createInventory, login } from "@hexhold/client";
import type { HexView } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Resource, SiteKind } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { removeDataDir, startLocalStack } from "@hexhold/local-stack";
import {
  createReferencePlayer,
  type ReferencePlayer,
  referenceView,
} from "@hexhold/reference-client";
import { startWorld, withPostgres, type World } from "@hexhold/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

const fixture = path.join(import.meta.dirname, "world-0.2.0");
const dataDir = path.join(mkdtempSync(path.join(tmpdir(), "hexhold-upgrade-")), "data");
let world: World;
let client: Client<HexView>;
let figure: ReferencePlayer;

beforeAll(async () => {
  cpSync(fixture, dataDir, { recursive: true });
  // As hexctl made them: a checkout has lost it.
  for (const folder of [dataDir, path.join(dataDir, "account-keys")]) {
    chmodSync(folder, 0o700);
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isFile()) chmodSync(path.join(folder, entry.name), 0o600);
    }
  }
  const stack = await startLocalStack({ dataDir, services: ["postgres"], install: false });
  try {
    await withPostgres(stack.service("postgres").url, (database) =>
      database.query(gunzipSync(readFileSync(path.join(dataDir, "world.sql.gz"))).toString()),
    );
  } finally {
    await stack.stop();
  }
  world = await startWorld({ profile: "embedded", dataDir });
  const { ws: url } = world.status().endpoints;
  const account = await login({ url }, "vera", "correct horse battery");
  client = await connect({ url, token: account.token, view: referenceView });
  figure = createReferencePlayer(client);
});
afterAll(async () => {
  client?.close();
  await world?.stop();
  removeDataDir(dataDir);
  rmSync(path.dirname(dataDir), { recursive: true, force: true });
});

async function goods(): Promise<Record<string, bigint>> {
  const outcome = await createInventory(client).balances();
  if (outcome.outcome !== "applied") throw new Error(`balances were ${outcome.outcome}`);
  return Object.fromEntries(outcome.result.balances.map(({ asset, amount }) => [asset, amount]));
}

test("an account of the release before logs in, has what it had, and plays where it was", async () => {
  expect(await goods()).toEqual({ wood: 23n, stone: 9n, food: 5n });
  // Over the border, where it had walked.
  expect(figure.key.hexId.toString(16)).not.toBe("861f1d48fffffff");
  expect(await figure.enter()).toMatchObject({ outcome: "applied" });
  expect(await figure.gather(Resource.STONE, 3)).toMatchObject({ outcome: "applied" });
  await expect.poll(goods).toEqual({ wood: 23n, stone: 12n, food: 5n });
});

test("what came with format 2 is refused not-yet until the format is raised, while the world runs", async () => {
  const said = async (): Promise<(string | undefined)[]> => {
    const outcomes = await Promise.all([
      figure.contribute(Resource.WOOD, 1),
      figure.planSite(SiteKind.DWELLING),
      figure.gather(Resource.HERB, 1),
    ]);
    return outcomes.map((outcome) =>
      outcome.outcome === "refused" ? outcome.reason : outcome.outcome,
    );
  };
  expect(await said()).toEqual(["not-yet", "not-yet", "not-yet"]);
  // Every hex of it holds as much of everything.
  const [player] = await world.mint(1, "861f8d28fffffff");
  const url = world.status().endpoints.ws;
  const other = await connect({ url, token: player!.token, view: referenceView });
  const stranger = createReferencePlayer(other);
  await stranger.enter();
  expect(await stranger.gather(Resource.WOOD, 100)).toMatchObject({ outcome: "applied" });
  other.close();
  expect((await world.hexctl("format")).output).toBe("The world is in format 1.\n");
  const lowered = await world.hexctl("format", "3");
  expect(lowered.code).toBe(1);
  expect(lowered.output).toMatch(/worker-1 \(2\).* cannot read format 3: roll or stop/);
  expect(await world.hexctl("format", "2")).toMatchObject({ code: 0 });
  // Workers know with their next heartbeat.
  await expect.poll(said, { timeout: 15_000 }).not.toContain("not-yet");
  expect(await figure.gather(Resource.HERB, 1)).toMatchObject({ outcome: "applied" });
  const again = await world.hexctl("format", "1");
  expect(again.output).toContain("never lowered");
  expect(again.code).toBe(1);
});

test("what it had goes into a hex of today, and every journal folds to what was stored, old events and new", async () => {
  const before = (await goods())["wood"]!;
  const given = await figure.contribute(Resource.WOOD, 10);
  expect(given).toMatchObject({ outcome: "applied" });
  await expect.poll(async () => (await goods())["wood"]).toBe(before - 10n);
  await expect.poll(async () => (await goods())["coin"] ?? 0n).toBeGreaterThanOrEqual(10n);
  expect(await figure.leave()).toMatchObject({ outcome: "applied" });
  const economy = await world.hexctl("verify", "--economy");
  expect(economy.output).toMatch(/6 passed, 0 failed\s*$/);
  await world.hexctl("drain");
  const verified = await world.hexctl("verify");
  // Where nobody was since, the state is still in the format of then.
  expect(verified.output).toMatch(/snapshots: [1-9]\d* equal, [1-9]\d* other-format\n/);
  expect(verified.output).toMatch(/[1-9]\d* passed, 0 failed\s*$/);
  expect(verified.code).toBe(0);
});
