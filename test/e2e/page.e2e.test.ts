import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { connect, login, register } from "@hexhold/client";
import { ClientFrameSchema } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { areNeighbours, diskOf, hexAt, hexText, keyText, parseKeyText } from "@hexhold/hex";
import { createReferencePlayer, referenceView } from "@hexhold/reference-client";
import { evenLand, startWorld, type World } from "@hexhold/testing";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { barriers } from "./page-players.ts";

const root = path.resolve(import.meta.dirname, "../..");
const browserPath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";
/** Pictures of the README are renewed on demand only: a run of the tests changes no file of the repository. */
const artifacts = path.join(root, ".build/screenshots");
const pictures =
  process.env["UPDATE_SCREENSHOTS"] === "1" ? path.join(root, "docs/images") : artifacts;
const desktop = { width: 1280, height: 800 };
const phone = { width: 360, height: 740 };
const password = "correct horse battery";
/** Every account is born here, so that they see each other. */
const birthplace = hexAt(52.52, 13.405);

let world: World;
let browser: Browser;
/** The first guest's, and later that of the window which plays it. */
let page: Page;
/** An account's. */
let anna: Page;
/** Everything that a page must not do. */
const faults: string[] = [];
/** Hexes that each page has asked to see and has not let go since. */
const watched = new WeakMap<Page, Set<string>>();

beforeAll(async () => {
  if (!existsSync(browserPath)) {
    throw new Error(`no browser at ${browserPath}: install chromium or set CHROMIUM_PATH`);
  }
  for (const folder of [artifacts, pictures]) mkdirSync(folder, { recursive: true });
  const env = {
    HEXHOLD_WORLD__SPAWN__CELLS: JSON.stringify([hexText(birthplace)]),
    ...evenLand,
  };
  world = await startWorld({ profile: "embedded", env });
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  browser = await chromium.launch({ executablePath: browserPath, args });
  page = await openPage();
  anna = await openPage();
});

afterAll(async () => {
  await browser?.close();
  await world?.stop();
});

/** What the first page shows when a test fails: its messages and what it knows of itself tell more than a time-out. */
afterEach(async ({ task }) => {
  if (task.result?.state !== "fail") return;
  const shown = await page.evaluate(() => ({
    attributes: Object.entries(document.body.dataset),
    words: document.querySelector<HTMLElement>(".stage")?.innerText,
  }));
  console.error(task.name, shown);
  await page.screenshot({ path: path.join(artifacts, `failed-${task.id}.png`) });
});

const pageUrl = (): string => `${world.status().endpoints.http}/`;

/** A page that notes its errors, and every request and socket that goes anywhere but to the gateway. */
async function openPage(beside?: Page): Promise<Page> {
  // Without glides a click hits what the test reckons.
  const context =
    beside?.context() ?? (await browser.newContext({ viewport: desktop, reducedMotion: "reduce" }));
  const opened = await context.newPage();
  const { http, ws } = world.status().endpoints;
  opened.on("console", (message) => {
    // Chromium itself reports each HTTP answer of 400 and more as an error; those are looked at below.
    const isAnswer = message.text().startsWith("Failed to load resource");
    if (isAnswer && message.location().url.includes("AuthService")) return;
    if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
  });
  opened.on("pageerror", (error) => faults.push(error.message));
  opened.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${http}/`) && !url.startsWith("data:")) faults.push(`request to ${url}`);
  });
  opened.on("websocket", (socket) => {
    if (!socket.url().startsWith(ws)) faults.push(`socket to ${socket.url()}`);
    const keys = new Set<string>();
    watched.set(opened, keys);
    socket.on("framesent", ({ payload }) => {
      const { frame } = fromBinary(ClientFrameSchema, new Uint8Array(payload as Buffer));
      if (frame.case === "subscribe") for (const key of frame.value.keys) keys.add(keyText(key));
      if (frame.case === "unsubscribe")
        for (const key of frame.value.keys) keys.delete(keyText(key));
    });
  });
  return opened;
}

const attribute = (name: string, of = page): Promise<string | null> =>
  of.locator("body").getAttribute(`data-${name}`);

async function untilAttribute(
  name: string,
  holds: (value: number) => boolean,
  of = page,
): Promise<number> {
  let value = Number.NaN;
  await expect
    .poll(
      async () => {
        value = Number(await attribute(name, of));
        return holds(value);
      },
      { timeout: 10_000, interval: 50, message: `data-${name}` },
    )
    .toBe(true);
  return value;
}

const isPresent = (of: Page): Promise<void> =>
  of.locator('body[data-state="online"][data-present="true"]').waitFor();

const gather = async (resource: string): Promise<void> =>
  page.getByRole("button", { name: `Gather 10 ${resource}` }).click();

/** Clicks so many pixels beside the middle of the map, which is the middle of the own hex. */
async function walk(right: number, up: number, of = page): Promise<void> {
  const box = await of.locator("canvas").boundingBox();
  if (box === null) throw new Error("there is no map");
  await of.mouse.click(box.x + box.width / 2 + right, box.y + box.height / 2 - up);
}

/** Waits until the figure has come to where it walks, and gives its x: a key moves it from where it is by then. */
async function standsAt(): Promise<number> {
  let last = Number.NaN;
  const isStill = async (): Promise<boolean> => {
    const before = last;
    last = Number(await attribute("x"));
    return last === before;
  };
  await expect.poll(isStill, { interval: 300 }).toBe(true);
  return last;
}

/** Waits until the player lives in another hex than `before`, and gives that hex. */
async function arrives(of: Page, before: string | null): Promise<string> {
  await of
    .locator(`body[data-present="true"][data-walking="false"]:not([data-home="${before}"])`)
    .waitFor();
  return (await attribute("home", of)) ?? "";
}

/** What the page says at the foot of its map from now on: a walk may be over before a test could look. */
async function hintsFrom(of: Page): Promise<() => Promise<string[]>> {
  await of.evaluate(() => {
    const hint = document.querySelector<HTMLElement>(".hint")!;
    const seen: string[] = [];
    const note = (): void => void seen.push(hint.innerText);
    const kinds = { childList: true, characterData: true, subtree: true };
    new MutationObserver(note).observe(hint, kinds);
    Object.assign(globalThis, { seenHints: seen });
  });
  return () => of.evaluate(() => (globalThis as unknown as { seenHints: string[] }).seenHints);
}

/** What hangs over the right edge of a narrow screen, or is too small for a finger. */
const misfits = (of: Page): Promise<string[]> =>
  of.evaluate(() => {
    const wide = document.documentElement.clientWidth;
    const found: string[] = [];
    if (document.documentElement.scrollWidth > wide) found.push("the page scrolls sideways");
    for (const element of document.querySelectorAll("button, input, summary")) {
      const { height, right, left } = element.getBoundingClientRect();
      const name = element.textContent || element.id;
      if (height > 0 && height < 40) found.push(`${name} is ${height} px high`);
      if (height > 0 && (right > wide + 0.5 || left < -0.5)) found.push(`${name} hangs over`);
    }
    return found;
  });

/** What the page says to players: all but what is behind the scenes. */
const wordsOf = (of: Page): Promise<string> =>
  of.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("header, .stage, .card:not(.frames), .front")]
      .map(({ innerText }) => innerText)
      .join("\n"),
  );
const wireWords =
  /token|hex_?id|uuid|cmd\.|evt\.|session|frame|protocol|[0-9a-f]{15}|-[0-9a-f]{4}-/i;

async function logIn(of: Page, choice: string, name: string, secret = password): Promise<void> {
  await of.getByRole("button", { name: choice }).click();
  await of.getByLabel("Name").fill(name);
  await of.getByLabel("Password").fill(secret);
  await of.keyboard.press("Enter");
}

const keptLogin = (of: Page): Promise<string | null> =>
  of.evaluate(() => sessionStorage.getItem("hexhold.login"));

/** A call from outside the page. */
const callAuth = (method: string, request: object): Promise<Response> =>
  fetch(`${pageUrl()}hexhold.edge.v1.AuthService/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });

/** The words of an alert. */
const alertOf = (of: Page, words: string | RegExp): Promise<void> =>
  of.getByRole("alert").filter({ hasText: words }).waitFor();

test("who comes without an account is asked for a name, and told in plain words what is wrong with it", async () => {
  await anna.goto(pageUrl());
  expect(await attribute("stage", anna)).toBe("form");
  await anna.screenshot({ path: path.join(artifacts, "front.png") });
  await logIn(anna, "I am new here", "an na");
  await alertOf(anna, "A name may have letters from A to Z, digits, - and _, and nothing else.");
  // The field that is wrong has the focus.
  expect(await anna.evaluate(() => document.activeElement?.id)).toBe("name");
  await logIn(anna, "I am new here", "anna", "short");
  await alertOf(anna, "A password has at least 8 characters.");
  await logIn(anna, "I am new here", "anna-anna", "anna-anna");
  await alertOf(anna, "This password is too easy to guess");
  await logIn(anna, "I play already", "anna");
  await alertOf(anna, "Name or password are not right.");
  await anna.setViewportSize(phone);
  expect([await misfits(anna), await barriers(anna)]).toEqual([[], []]);
  expect(await wordsOf(anna)).not.toMatch(wireWords);
  await anna.screenshot({ path: path.join(artifacts, "front-narrow.png") });
  await anna.setViewportSize(desktop);
});

test("the printed address joins, and the token leaves the address bar", async () => {
  await page.goto(world.playUrl);
  await isPresent(page);
  expect(page.url()).toBe(pageUrl());
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
  const words = page.getByText("There is not enough food left here.");
  await words.waitFor();
  expect(await words.textContent()).toMatch(/There will be in \d+ s\.$/);
});

test("a click inside the own hex is a walk there", async () => {
  await isPresent(page);
  await walk(40, 30);
  await untilAttribute("x", (value) => value > 300);
  const y = await untilAttribute("y", (value) => value > 200);
  const x = await standsAt();
  expect(x).toBeLessThan(900);
  expect(y).toBeLessThan(900);
  await page.locator("canvas").focus();
  await page.keyboard.press("ArrowLeft");
  await untilAttribute("x", (value) => value < x);
});

test("a visitor makes an account on the page and plays under its name; a reload goes on with the login", async () => {
  await logIn(anna, "I am new here", "anna");
  await isPresent(anna);
  await anna.locator(".identity", { hasText: "anna" }).waitFor();
  const account = await attribute("account", anna);
  await anna.reload();
  await isPresent(anna);
  expect(await attribute("account", anna)).toBe(account);
  const kept = await anna.evaluate(() =>
    JSON.stringify([Object.entries(sessionStorage), Object.entries(localStorage)]),
  );
  expect(kept).toContain("hexhold.login");
  expect(kept).not.toContain("horse");
});

test("another player appears under its name, walks, gathers and leaves before one's eyes", async () => {
  const { ws } = world.status().endpoints;
  const account = await register({ url: ws }, "berta", password);
  const client = await connect({ url: ws, token: account.token });
  try {
    const player = createReferencePlayer(client);
    expect(player.key.hexId).toBe(birthplace);
    // The guest of the first page is here as well.
    const before = await untilAttribute("players", (value) => value === 2, anna);
    expect(await player.enter()).toMatchObject({ outcome: "applied" });
    await untilAttribute("players", (value) => value > before, anna);
    await anna.locator(".company", { hasText: /With you: Guest [0-9a-f]{4}, berta/ }).waitFor();
    const stone = await untilAttribute("stone", (value) => value >= 60, anna);
    expect(await player.gather(2, 30)).toMatchObject({ outcome: "applied" });
    await untilAttribute("stone", (value) => value < stone - 20, anna);
    for (let i = 0; i <= 20; i++) {
      player.move(-550 + 20 * i, -350 + 12 * i);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    await anna.getByText("evt.hex.player-moved").first().waitFor();
    await walk(-35, 20, anna);
    for (let i = 0; i < 2; i++) await anna.getByRole("button", { name: "Gather 10 wood" }).click();
    await untilAttribute("wood-owned", (value) => value === 20, anna);
    await untilAttribute("x", (value) => value < -200, anna);
    expect(await wordsOf(anna)).toContain("Your hex");
    expect(await wordsOf(anna)).not.toMatch(wireWords);
    expect(await barriers(anna)).toEqual([]);
    await anna.mouse.move(0, 0);
    await anna.screenshot({ path: path.join(pictures, "page.png") });
    await anna.setViewportSize(phone);
    expect(await misfits(anna)).toEqual([]);
    await anna.screenshot({ path: path.join(pictures, "phone.png") });
    await anna.screenshot({ path: path.join(artifacts, "narrow-whole.png"), fullPage: true });
    await anna.setViewportSize(desktop);
    expect(await player.leave()).toMatchObject({ outcome: "applied" });
    await untilAttribute("players", (value) => value === before, anna);
    await anna.locator(".company", { hasNotText: "berta" }).waitFor();
  } finally {
    client.close();
  }
});

test("a click on the next hex walks there, the ring follows, and what is left behind is closed", async () => {
  const before = await attribute("home");
  // The neighbour to the right has its middle two inradii away: three and a half hexes fill half the map.
  const { width, height } = (await page.locator("canvas").boundingBox())!;
  const inradius = Math.min((width - 56) / 10, (height - 56) / 9.3);
  await walk(2 * inradius, 0);
  const home = parseKeyText(await arrives(page, before));
  expect(areNeighbours(parseKeyText(before ?? "").hexId, home.hexId)).toBe(true);
  const ring = diskOf(home.hexId, 2).map((hexId) => hexText(hexId));
  await expect.poll(() => [...watched.get(page)!].toSorted()).toEqual(ring.toSorted());
  await page.screenshot({ path: path.join(artifacts, "walked.png") });
  // There it goes on, alone.
  await page.getByText("Nobody else is here.").waitFor();
  await anna.getByText("Nobody else is here.").waitFor();
  await untilAttribute("players", (value) => value === 1);
  await gather("stone");
  await untilAttribute("stone", (value) => value < 100);
  // What was said of the food may still be there.
  const notes = page.locator(".notes p").filter({ hasNotText: "food" });
  expect(await notes.allTextContents()).toEqual([]);
});

test("a key walks to the hex that it stands on, and the way back is the opposite key's", async () => {
  const before = await attribute("home");
  await page.keyboard.press("w");
  const there = await arrives(page, before);
  await page.keyboard.press("x");
  expect(await arrives(page, there)).toBe(before);
  const west = page.getByRole("button", { name: /^Walk/ }).nth(2);
  expect(await west.getAttribute("aria-keyshortcuts")).toBe("A");
  await west.focus();
  const hints = await hintsFrom(page);
  await page.keyboard.press("Enter");
  await expect.poll(hints).toContain("Walking to the next hex…");
  const home = await arrives(page, before);
  expect(parseKeyText(home).hexId).toBe(birthplace);
  // Who walks by the keyboard goes on from the same button.
  expect(await page.evaluate(() => document.activeElement?.className)).toContain("KeyA");
  await anna.locator(".company", { hasText: "Guest" }).waitFor();
  // Two hexes away nobody gets in one step, and the page says so.
  const { height } = (await page.locator("canvas").boundingBox())!;
  await walk(0, (height - 56) / 2 - 20);
  await page.getByText("You can only walk to a hex next to yours.").waitFor();
});

test("a second tab of the same player: the older says so, stays, and takes over when it is told to", async () => {
  const first = page;
  page = await openPage(first);
  await page.goto(world.playUrl);
  await isPresent(page);
  await alertOf(first, "in another tab or on another device");
  expect(await attribute("stage", first)).toBe("ended");
  expect(await barriers(first)).toEqual([]);
  await first.screenshot({ path: path.join(artifacts, "elsewhere.png") });
  // By itself neither pushes the other out.
  await first.waitForTimeout(1000);
  expect([await attribute("stage", first), await attribute("state")]).toEqual(["ended", "online"]);
  await first.getByRole("button", { name: "Play here" }).press("Enter");
  await isPresent(first);
  await alertOf(page, "in another tab or on another device");
  await page.close();
  page = first;
});

test("an account that plays elsewhere comes back when its player says so, by the login that the page has", async () => {
  const { ws } = world.status().endpoints;
  const account = await login({ url: ws }, "anna", password);
  const elsewhere = await connect({ url: ws, token: account.token });
  try {
    expect((await createReferencePlayer(elsewhere).enter()).outcome).not.toBe("error");
    await alertOf(anna, "in another tab or on another device");
    await anna.getByRole("button", { name: "Play here" }).click();
    await isPresent(anna);
    await expect.poll(() => elsewhere.state).toMatchObject({ reason: "newer-session" });
  } finally {
    elsewhere.close();
  }
});

test("a copy of a tab leaves the login to the one that it was copied from; another account plays beside it", async () => {
  const kept = await anna.evaluate(() => Object.fromEntries(Object.entries(sessionStorage)));
  const copy = await openPage(anna);
  // As a browser does that duplicates a tab.
  await copy.addInitScript((items: Record<string, string>) => {
    if (sessionStorage.length > 0) return;
    for (const [name, value] of Object.entries(items)) sessionStorage.setItem(name, value);
  }, kept);
  await copy.goto(pageUrl());
  await copy.getByText("This tab is a copy of another one").waitFor();
  await logIn(copy, "I am new here", "clara");
  await isPresent(copy);
  await anna.locator(".company", { hasText: "clara" }).waitFor();
  expect([await attribute("state", anna), await attribute("present", anna)]).toEqual([
    "online",
    "true",
  ]);
  await copy.close();
});

test("a login that was ended from elsewhere is over here too, and the page asks for it again", async () => {
  await callAuth("Logout", { refreshToken: await keptLogin(anna) });
  await alertOf(anna, "Your login is over.");
  await anna.getByRole("button", { name: "To the log-in" }).click();
  expect(await keptLogin(anna)).toBeNull();
  await logIn(anna, "I play already", "anna");
  await isPresent(anna);
});

test("logging out leaves the world, ends the login and forgets it; the same name logs in again", async () => {
  const observer = await connect({
    url: world.status().endpoints.ws,
    token: (await world.mint(1, hexText(birthplace)))[0]!.token,
    view: referenceView,
  });
  try {
    const home = { hexId: birthplace, layerId: 0 };
    const account = ((await attribute("account", anna)) ?? "").replaceAll("-", "");
    const online = (): string[] =>
      observer
        .view(home)
        ?.view.players.map(({ playerId }) => Buffer.from(playerId).toString("hex")) ?? [];
    observer.subscribe([home], () => undefined);
    await expect.poll(online).toContain(account);
    const refreshToken = await keptLogin(anna);
    await anna.getByRole("button", { name: "Log out" }).click();
    await anna.getByText("You are logged out.").waitFor();
    await expect.poll(online).not.toContain(account);
    expect(await keptLogin(anna)).toBeNull();
    expect((await callAuth("Refresh", { refreshToken })).status).toBe(401);
    await anna.reload();
    expect(await attribute("stage", anna)).toBe("form");
    await logIn(anna, "I play already", "anna");
    await isPresent(anna);
    await expect.poll(online).toContain(account);
  } finally {
    observer.close();
  }
});

test("nothing was asked of any other host, nothing was logged, no gap went unnoticed", async () => {
  for (const of of [page, anna]) expect(await attribute("gaps-unnoticed", of)).toBe("0");
  expect(faults).toEqual([]);
});
