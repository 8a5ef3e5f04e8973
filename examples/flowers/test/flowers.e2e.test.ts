/** Flowers in a whole world: planted, picked, and carried on by players that cross hexes while workers die. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { type Client, connect, createInventory, createPlayer, type Player } from "@hexhold/client";
import { diskOf, hexAt, keyText } from "@hexhold/hex";
import { startWorld, type World } from "@hexhold/testing";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { PickSchema, PlantSchema } from "../gen/flowers/v1/commands_pb.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const birthplace = hexAt(52.52, 13.405).toString(16);
const clients: Client[] = [];
const browserPath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";
let browser: Browser | undefined;
let world: World;

beforeAll(async () => {
  world = await startWorld({
    profile: "cluster",
    flags: ["--game", "examples/flowers", "--workers", "2"],
    env: { HEXHOLD_GAME__OPTIONS__BLOOM_MS: "1000" },
  });
});
afterAll(async () => {
  await browser?.close();
  for (const client of clients) client.close();
  await world?.stop();
});

async function join(count: number): Promise<Player[]> {
  const minted = await world.mint(count, birthplace);
  return Promise.all(
    minted.map(async ({ token }) => {
      const client = await connect({ url: world.status().endpoints.ws, token });
      clients.push(client);
      const player = createPlayer(client);
      expect(await player.enter()).toMatchObject({ outcome: "applied" });
      return player;
    }),
  );
}

async function hexctl(...args: string[]): Promise<string> {
  const env = { ...process.env, HEXHOLD_DATA_DIR: world.dataDir };
  const program = path.join(root, "hexctl/src/main.ts");
  const run = promisify(execFile)(process.execPath, [program, ...args], { cwd: root, env });
  return (await run).stdout;
}

it("a flower is planted, blooms in its time, and is in the ledger of who picks it", async () => {
  const [player] = await join(1);
  expect(await player!.send(PickSchema, {})).toMatchObject({ reason: "nothing-in-bloom" });
  expect(await player!.send(PlantSchema, {})).toMatchObject({ outcome: "applied" });
  await expect
    .poll(() => player!.send(PickSchema, {}), { timeout: 10_000 })
    .toMatchObject({ outcome: "applied" });
  const inventory = createInventory(clients[0]!);
  await expect
    .poll(() => inventory.balances(), { timeout: 10_000 })
    .toMatchObject({ result: { balances: [{ asset: "flower", amount: 1n }] } });
  const report = await hexctl("hex", keyText(player!.key));
  expect(report).toContain("evt.hex.flower-picked");
  expect(report).toMatch(/planted\W+1/);
});

it("the page shows what grows in a hex, and a player walks by a key", async () => {
  if (!existsSync(browserPath)) {
    throw new Error(`no browser at ${browserPath}: install chromium or set CHROMIUM_PATH`);
  }
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  browser = await chromium.launch({ executablePath: browserPath, args });
  const page = await browser.newPage({ reducedMotion: "reduce" });
  const faults: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(error.message));
  const [guest] = await world.mint(1, birthplace);
  await page.goto(`${world.status().endpoints.http}/#token=${guest!.token}`);
  const body = page.locator("body");
  await page.locator('body[data-state="online"][data-present="true"]').waitFor();
  await page.getByText(/no view of its own/).waitFor();
  const line = (text: RegExp): Promise<void> =>
    page.locator(".document").first().locator("li").filter({ hasText: text }).waitFor();
  await line(/^planted 1$/);
  const [gardener] = await join(1);
  await gardener!.send(PlantSchema, {});
  await line(/^planted 2$/);
  // What the game lacks is not there: no market, no owners, and no bag before there is something in it.
  const tabs = (): Promise<string[]> => page.getByRole("tab").allTextContents();
  await expect.poll(tabs).toEqual(["Hex", "Chat"]);
  await world.grant(guest!.accountId, "flower", 2n);
  await expect.poll(tabs, { timeout: 20_000 }).toEqual(["Hex", "Bag", "Chat"]);
  await page.getByRole("tab", { name: "Bag" }).click();
  await page
    .locator(".goods tbody tr")
    .filter({ hasText: /^flower2–$/ })
    .waitFor();
  await page.getByRole("tab", { name: "Hex" }).click();
  await line(/^planted 2$/);
  const before = await body.getAttribute("data-home");
  await page.keyboard.press("w");
  await expect.poll(() => body.getAttribute("data-home"), { timeout: 10_000 }).not.toBe(before);
  expect(faults).toEqual([]);
});

it("players cross hexes while workers are killed, and each lives in one and plants there", async () => {
  const players = await join(6);
  let isOver = false;
  let crossings = 0;
  const walking = players.map(async (player, n) => {
    for (let step = n; !isOver; step++) {
      const around = diskOf(player.key.hexId, 1).slice(1);
      const hexId = around[step % around.length]!;
      const outcome = await player.transfer({ hexId, layerId: 0 });
      expect(outcome.outcome).toBe("applied");
      crossings++;
      await player.send(PlantSchema, {});
    }
  });
  for (const name of ["worker-1", "worker-2", "worker-1"]) {
    await pause(1500);
    process.kill(world.pidOf(name), "SIGKILL");
    await pause(1500);
  }
  isOver = true;
  await Promise.all(walking);
  expect(crossings).toBeGreaterThan(players.length * 3);
  for (const player of players) {
    expect(await player.locate()).toMatchObject({ outcome: "applied", result: { online: true } });
  }
  const elsewhere = await Promise.all(
    players.map((player) => player.send(PlantSchema, {}).then(({ outcome }) => outcome)),
  );
  expect(elsewhere).not.toContain("error");
  expect(await hexctl("verify")).toMatch(/^\d+ passed, 0 failed$/m);
});
