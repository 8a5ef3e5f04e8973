import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { connect, createReferencePlayer } from "@hexhold/client";
import { startWorld, type World } from "@hexhold/testing";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const browserPath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";
/** Pictures of the README are renewed on demand only: a run of the tests changes no file of the repository. */
const pictures =
  process.env["UPDATE_SCREENSHOTS"] === "1"
    ? path.join(root, "docs/images")
    : path.join(root, ".build/screenshots");
const desktop = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };

let world: World;
let browser: Browser;
let page: Page;
/** Everything that a page must not do. */
const faults: string[] = [];

beforeAll(async () => {
  if (!existsSync(browserPath)) {
    throw new Error(`no browser at ${browserPath}: install chromium or set CHROMIUM_PATH`);
  }
  mkdirSync(pictures, { recursive: true });
  world = await startWorld({ profile: "embedded" });
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  browser = await chromium.launch({ executablePath: browserPath, args });
  page = await openPage();
});

afterAll(async () => {
  await browser?.close();
  await world?.stop();
});

/** A page that notes its errors, and every request and socket that goes anywhere but to the gateway. */
async function openPage(): Promise<Page> {
  const context = await browser.newContext({ viewport: desktop });
  const opened = await context.newPage();
  const { http, ws } = world.status().endpoints;
  opened.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
  });
  opened.on("pageerror", (error) => faults.push(error.message));
  opened.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${http}/`) && !url.startsWith("data:")) faults.push(`request to ${url}`);
  });
  opened.on("websocket", (socket) => {
    if (!socket.url().startsWith(ws)) faults.push(`socket to ${socket.url()}`);
  });
  return opened;
}

const attribute = (name: string): Promise<string | null> =>
  page.locator("body").getAttribute(`data-${name}`);

async function untilAttribute(name: string, holds: (value: number) => boolean): Promise<number> {
  let value = Number.NaN;
  await expect
    .poll(
      async () => {
        value = Number(await attribute(name));
        return holds(value);
      },
      { timeout: 10_000, interval: 50, message: `data-${name}` },
    )
    .toBe(true);
  return value;
}

const gather = async (resource: string): Promise<void> =>
  page.getByRole("button", { name: `Gather 10 ${resource}` }).click();

/** Clicks in the own hex, in the middle of the map, so many pixels aside. */
async function walk(right: number, up: number): Promise<void> {
  const box = await page.locator("canvas").boundingBox();
  if (box === null) throw new Error("there is no map");
  await page.mouse.click(box.x + box.width / 2 + right, box.y + box.height / 2 - up);
}

test("without a token the page says what to do", async () => {
  await page.goto(`${world.status().endpoints.http}/`);
  await page.getByText("npm start").waitFor();
  expect(await attribute("state")).toBe("no-token");
  await page.screenshot({ path: path.join(root, ".build/screenshots/join.png") });
});

test("the printed address joins, and the token leaves the address bar", async () => {
  await page.goto(world.playUrl);
  await page.locator('body[data-state="online"][data-present="true"]').waitFor();
  expect(page.url()).toBe(`${world.status().endpoints.http}/`);
  // The answer to `enter` may come before the event that shows it.
  await expect.poll(async () => attribute("players")).toBe("1");
});

test("gathering takes from the stock and moves the hex's version, and the stock grows back", async () => {
  const before = await untilAttribute("wood", (value) => value === 100);
  const version = Number(await attribute("hex-version"));
  await gather("wood");
  const after = await untilAttribute("wood", (value) => value < before);
  expect(after).toBeGreaterThanOrEqual(90);
  await untilAttribute("hex-version", (value) => value > version);
  await untilAttribute("wood", (value) => value > after);
});

test("what was gathered is the player's, and shown beside the stock", async () => {
  const owned = await untilAttribute("wood-owned", (value) => value >= 10);
  await page.getByText(`you have ${owned}`).waitFor();
  await gather("stone");
  expect(await untilAttribute("stone-owned", (value) => value > 0)).toBe(10);
});

test("what is not there is refused in plain words", async () => {
  for (let i = 0; i < 12; i++) await gather("food");
  const words = page.getByText("Gathering food: there is not enough left here.");
  await words.waitFor();
  expect(await words.textContent()).toMatch(/Enough in \d+ s\.$/);
});

test("a click inside the own hex is a walk there", async () => {
  await walk(40, 30);
  const x = await untilAttribute("x", (value) => value > 300);
  const y = await untilAttribute("y", (value) => value > 200);
  expect(x).toBeLessThan(900);
  expect(y).toBeLessThan(900);
  await page.locator("canvas").focus();
  await page.keyboard.press("ArrowLeft");
  await untilAttribute("x", (value) => value < x);
});

test("a second guest appears, walks, gathers and leaves before the first one's eyes", async () => {
  const key = keyOfToken(world.playUrl);
  const [guest] = await world.mint(1, key);
  const client = await connect({ url: world.status().endpoints.ws, token: guest!.token });
  try {
    const player = createReferencePlayer(client);
    expect(await player.enter()).toMatchObject({ outcome: "applied" });
    await untilAttribute("players", (value) => value === 2);
    const stone = await untilAttribute("stone", (value) => value === 100);
    expect(await player.gather(2, 30)).toMatchObject({ outcome: "applied" });
    await untilAttribute("stone", (value) => value < stone - 20);
    const moves = page.getByText("evt.hex.player-moved").first();
    for (let i = 0; i <= 20; i++) {
      player.move(-550 + 20 * i, -350 + 12 * i);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    await moves.waitFor();
    await walk(-35, 20);
    await gather("wood");
    await gather("wood");
    await page.waitForTimeout(400);
    await page.screenshot({ path: path.join(pictures, "page.png") });
    await page.setViewportSize(phone);
    await page.waitForTimeout(300);
    await page.screenshot({ path: path.join(pictures, "phone.png") });
    await page.setViewportSize(desktop);
    expect(await player.leave()).toMatchObject({ outcome: "applied" });
    await untilAttribute("players", (value) => value === 1);
  } finally {
    client.close();
  }
});

test("another window of the same player puts this one to rest, and says so", async () => {
  const first = page;
  page = await openPage();
  await page.goto(world.playUrl);
  await page.locator('body[data-state="online"]').waitFor();
  await first.getByText("You play in another window now.").waitFor();
  expect(await first.locator("body").getAttribute("data-state")).toBe("closed");
});

test("a visitor registers on the page, plays, and a reload goes on with the login", async () => {
  const visitor = await openPage();
  await visitor.goto(`${world.status().endpoints.http}/`);
  await visitor.getByLabel("Name").fill("page-visitor");
  await visitor.getByLabel("Password").fill("correct horse battery");
  await visitor.getByRole("button", { name: "Register" }).click();
  const present = visitor.locator('body[data-state="online"][data-present="true"]');
  await present.waitFor();
  const identity = await visitor.locator(".identity code").textContent();
  await visitor.reload();
  await present.waitFor();
  expect(await visitor.locator(".identity code").textContent()).toBe(identity);
  const kept = await visitor.evaluate(() =>
    JSON.stringify([Object.entries(sessionStorage), Object.entries(localStorage)]),
  );
  expect(kept).toContain("hexhold.login");
  expect(kept).not.toContain("horse");
  await visitor.context().close();
});

test("nothing was asked of any other host, nothing was logged, no gap went unnoticed", async () => {
  expect(await attribute("gaps-unnoticed")).toBe("0");
  expect(faults).toEqual([]);
});

function keyOfToken(playUrl: string): string {
  const [, claims = ""] = playUrl.split(".").slice(-3);
  const { hex } = JSON.parse(Buffer.from(claims, "base64url").toString()) as { hex: string };
  return hex;
}
