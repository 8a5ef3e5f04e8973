/** Hexes of birth that cannot be served: the world starts all the same, and says so. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { diskOf, hexAt, keyText } from "@hexhold/hex";
import { type LocalStack, removeDataDir, startLocalStack } from "@hexhold/local-stack";
import { startWorld, type World, withPostgres } from "@hexhold/testing";
import { afterAll, beforeAll, expect, it } from "vitest";

const serverDir = mkdtempSync(path.join(tmpdir(), "hexhold-server-"));
const dataDir = mkdtempSync(path.join(tmpdir(), "hexhold-world-"));
const cells = diskOf(hexAt(48.85, 2.35), 1).slice(0, 2);
const [first, second] = cells.map((hexId) => keyText({ hexId, layerId: 0 })) as [string, string];
let server: LocalStack;

beforeAll(async () => {
  server = await startLocalStack({ dataDir: serverDir, services: ["postgres"], install: false });
});
afterAll(async () => {
  await server.stop();
  for (const dir of [serverDir, dataDir]) removeDataDir(dir);
});

function open(): Promise<World> {
  return startWorld({
    profile: "embedded",
    dataDir,
    env: {
      HEXHOLD_POSTGRES_URL: server.service("postgres").url,
      HEXHOLD_WORLD__SPAWN__CELLS: JSON.stringify([first, second]),
    },
  });
}

/** What the hex has stored is of a type that no game knows. */
async function damage(hexId: bigint): Promise<void> {
  await withPostgres(server.service("postgres").url, async (client) => {
    await client.query("DELETE FROM world.snapshot WHERE hex_id = $1", [hexId]);
    const { rowCount } = await client.query(
      "UPDATE world.journal SET type = 'evt.hex.nonsense' WHERE hex_id = $1",
      [hexId],
    );
    expect(rowCount).toBeGreaterThan(0);
  });
}

const claimsOf = (playUrl: string): { hex?: string } =>
  JSON.parse(Buffer.from(playUrl.split("#token=")[1]!.split(".")[1]!, "base64url").toString()) as {
    hex?: string;
  };

it("one is passed by; where all are quarantined the world starts without a guest and says what to do", async () => {
  let world = await open();
  expect(claimsOf(world.playUrl).hex).toBe(first);
  await world.mint(1, second);
  await world.stop();
  await damage(cells[0]!);
  world = await open();
  expect(claimsOf(world.playUrl).hex).toBe(second);
  await expect(world.mint(1, first)).rejects.toThrow(/quarantined.*hexctl hex/);
  await world.stop();
  await damage(cells[1]!);
  world = await open();
  expect(world.output()).toMatch(/no guest: every hex of birth.*is quarantined.*hexctl hex/);
  await expect(world.mint(1)).rejects.toThrow(/every hex of birth.*quarantined/);
  await world.stop();
});
