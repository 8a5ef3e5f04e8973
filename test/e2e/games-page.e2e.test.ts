/** The page in worlds of games that it has no view for: one without a view of its own, and one of another view. */
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Client, connect, createPlayer } from "@hexhold/client";
import { ClientFrameSchema, ServerFrameSchema } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { hexAt, hexText, keyText } from "@hexhold/hex";
import { startWorld, type World } from "@hexhold/testing";
import { markup } from "@hexhold/testing/bare-game";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const browserPath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";
const artifacts = path.join(root, ".build/screenshots");
/** Each test has a hex of its own. */
let home: bigint;
let nth = 0;

let world: World;
let browser: Browser;
/** What the pages have complained of. */
const faults: string[] = [];

beforeAll(async () => {
  if (!existsSync(browserPath)) {
    throw new Error(`no browser at ${browserPath}: install chromium or set CHROMIUM_PATH`);
  }
  mkdirSync(artifacts, { recursive: true });
  world = await startWorld({
    profile: "embedded",
    env: {
      HEXHOLD_GAME__MODULE: "libs/testing/src/bare-game.ts",
      HEXHOLD_WORLD__GAME: "bare",
    },
  });
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  browser = await chromium.launch({ executablePath: browserPath, args });
});
beforeEach(() => {
  faults.length = 0;
  home = hexAt(50 + nth++, 13.4);
});
afterAll(async () => {
  await browser?.close();
  await world?.stop();
});

async function openPage(): Promise<Page> {
  const viewport = { width: 1280, height: 800 };
  const context = await browser.newContext({ viewport, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(error.message));
  return page;
}

/** Another player, of whatever client. */
async function join(): Promise<Client> {
  const [minted] = await world.mint(1, hexText(home));
  return connect({ url: world.status().endpoints.ws, token: minted!.token });
}

const playAddress = async (): Promise<string> => {
  const [minted] = await world.mint(1, hexText(home));
  return `${world.status().endpoints.http}/#token=${minted!.token}`;
};

const attribute = (name: string, of: Page): Promise<string | null> =>
  of.locator("body").getAttribute(`data-${name}`);

const isPresent = (of: Page): Promise<void> =>
  of.locator('body[data-state="online"][data-present="true"]').waitFor();

/** Walks by `act`, and gives the hex where the player lives then. */
async function arrives(of: Page, act: () => Promise<void>): Promise<string> {
  const before = await attribute("home", of);
  await act();
  await of
    .locator(`body[data-present="true"][data-walking="false"]:not([data-home="${before}"])`)
    .waitFor();
  return (await attribute("home", of)) ?? "";
}

function leaveFrame(): Buffer {
  const requestId = Buffer.alloc(16, 7);
  requestId.writeUIntBE(Date.now(), 0, 6);
  requestId[6] = 0x70;
  requestId[8] = 0x80;
  const key = { hexId: home, layerId: 0 };
  const value = { type: "cmd.hex.leave", version: 1, requestId, key };
  const frame = create(ClientFrameSchema, { frame: { case: "command", value } });
  return Buffer.from(toBinary(ClientFrameSchema, frame));
}

/** A line of the own hex's document. */
const lineOf = (of: Page, text: string | RegExp): Promise<void> =>
  of.locator(".document").first().locator("li").filter({ hasText: text }).waitFor();

async function barriers(of: Page): Promise<string[]> {
  await of.evaluate(axe.source);
  const { violations } = await of.evaluate(async () => {
    const { axe: found } = globalThis as unknown as { axe: typeof axe };
    const where = { exclude: [[".frames li:nth-child(n + 4)"]] };
    return found.run(where, { runOnly: ["wcag2a", "wcag2aa", "wcag22aa", "best-practice"] });
  });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

test("a game without a view of its own is told of as such, and its hexes by what the game says of them", async () => {
  const page = await openPage();
  await page.goto(await playAddress());
  await isPresent(page);
  await page.getByText("has no view of its own").waitFor();
  expect(await attribute("sight", page)).toBe("readable");
  await lineOf(page, /^online 1$/);
  // What is markup elsewhere is text here.
  await lineOf(page, `${markup.name} ${markup.value}`);
  expect(await page.locator(".document b, .document img").count()).toBe(0);
  expect(await page.locator(".stocks, .card:not(.frames) .figures").count()).toBe(0);
  expect(await page.getByRole("button", { name: /Gather/ }).count()).toBe(0);
  // Players talk in every world; the rest is not there.
  await expect.poll(() => page.getByRole("tab").allTextContents()).toEqual(["Hex", "Chat"]);

  // Others come and go before one's eyes.
  const other = await join();
  const player = createPlayer(other);
  expect(await player.enter()).toMatchObject({ outcome: "applied" });
  await lineOf(page, /^online 2$/);
  expect(await player.leave()).toMatchObject({ outcome: "applied" });
  await lineOf(page, /^online 1$/);
  other.close();
  expect(await barriers(page)).toEqual([]);
  await page.screenshot({ path: path.join(artifacts, "readable.png") });

  // Inside the hex there is nowhere to walk to; to the next one by a key, and back by a click.
  await page.locator("canvas").click();
  const there = await arrives(page, () => page.keyboard.press("d"));
  await lineOf(page, /^living 1$/);
  await page.getByText("The hexes around yours").click();
  await page.getByText("To the west").click();
  const west = page.locator(".foldable .foldable", { hasText: "To the west" });
  await west
    .locator(".document li")
    .filter({ hasText: /^online 0$/ })
    .waitFor();
  const { x, y, width, height } = (await page.locator("canvas").boundingBox())!;
  const inradius = Math.min((width - 56) / 10, (height - 56) / 9.3);
  const left = { x: x + width / 2 - 2 * inradius, y: y + height / 2 };
  const back = await arrives(page, () => page.mouse.click(left.x, left.y));
  expect([there === back, back]).toEqual([false, keyText({ hexId: home, layerId: 0 })]);
  expect(await page.locator(".notes p").count()).toBe(0);
  expect(await attribute("gaps-unnoticed", page)).toBe("0");
  await page.setViewportSize({ width: 360, height: 740 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(wide).toBe(360);
  await page.screenshot({ path: path.join(artifacts, "readable-narrow.png"), fullPage: true });
  expect(faults).toEqual([]);
  await page.context().close();
});

test.each(["seen", "missed"])(
  "a player that was sent offline comes back in, though no document says who is online: %s",
  async (left) => {
    const page = await openPage();
    let toWorld: ((frame: Buffer) => void) | undefined;
    await page.routeWebSocket(/.*/, (socket) => {
      const server = socket.connectToServer();
      toWorld = (frame) => server.send(frame);
      server.onMessage((message) => {
        const { frame } = fromBinary(ServerFrameSchema, new Uint8Array(message as Buffer));
        const isLeft = frame.case === "event" && frame.value.type === "evt.hex.player-left";
        if (!isLeft || left === "seen") socket.send(message);
      });
    });
    await page.goto(await playAddress());
    await isPresent(page);
    await lineOf(page, /^online 1$/);
    const other = await join();
    const told: string[] = [];
    other.subscribe([{ hexId: home, layerId: 0 }], (update) => {
      told.push("event" in update ? update.event.type : update.kind);
    });
    await expect.poll(() => told).toContain("state");
    // Behind the page's back, in its own session.
    toWorld?.(leaveFrame());
    await expect.poll(() => told).toContain("evt.hex.player-left");
    // What is missed is noticed by what comes next.
    await createPlayer(other).enter();
    await lineOf(page, /^online 2$/);
    await isPresent(page);
    other.close();
    await page.context().close();
  },
);

test("a game of another view is told of in plain words, and its player walks all the same", async () => {
  const page = await openPage();
  await page.routeWebSocket(/.*/, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => {
      const frame = fromBinary(ServerFrameSchema, new Uint8Array(message as Buffer));
      if (frame.frame.case === "state") frame.frame.value.viewType = "other.v1.Board";
      socket.send(Buffer.from(toBinary(ServerFrameSchema, create(ServerFrameSchema, frame))));
    });
  });
  await page.goto(await playAddress());
  await isPresent(page);
  await page.getByText("This page cannot show what is in this world").waitFor();
  expect(await attribute("sight", page)).toBe("none");
  expect(await page.getByRole("button", { name: /Gather/ }).count()).toBe(0);
  const there = await arrives(page, () => page.keyboard.press("d"));
  expect(await arrives(page, () => page.keyboard.press("a"))).not.toBe(there);
  expect(await barriers(page)).toEqual([]);
  await page.screenshot({ path: path.join(artifacts, "other-game.png") });
  // The fault is for developers, once.
  expect(faults.filter((fault) => !fault.includes("other.v1.Board version 1"))).toEqual([]);
  expect(faults).toHaveLength(1);
  await page.context().close();
});
