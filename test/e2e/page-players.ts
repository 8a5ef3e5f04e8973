/** Players of a world that use its page in a real browser, at two widths, and what a page must never do. */
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { hexAt, hexText } from "@hexhold/hex";
import { type Player, startWorld, type World } from "@hexhold/testing";
import axe from "axe-core";
import {
  type Browser,
  type BrowserContext,
  chromium,
  type Locator,
  type Page,
} from "playwright-core";
import { expect } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const browserPath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";
const artifacts = path.join(root, ".build/screenshots");
/** Pictures of the README are renewed on demand only: a run of the tests changes no file of the repository. */
const pictures =
  process.env["UPDATE_SCREENSHOTS"] === "1" ? path.join(root, "docs/images") : artifacts;

/** As wide as a desk has it, and as a phone: what issue 12 asks for. */
export const widths = [
  { name: "wide", width: 1440, height: 900 },
  { name: "narrow", width: 390, height: 844 },
] as const;
export type Width = (typeof widths)[number];

/** Waits of a test, many times what they take: cores are shared. */
const pageMsMax = 20_000;

export interface PagePlayer {
  readonly page: Page;
  /** With a key and a token. */
  readonly minted: Player;
  /** What it is called on the page. */
  readonly name: string;
}

export interface Pages {
  readonly world: World;
  /** What pages have complained of so far. */
  readonly faults: string[];
  /** A page with an account of its own, born at `birthplace`. */
  join(width: Width, options?: { readonly page?: Page }): Promise<PagePlayer>;
  newPage(width: Width): Promise<Page>;
  /** Keeps a picture under the test artefacts; `readme`: the README shows it. */
  picture(page: Page, name: string, options?: { readonly readme?: boolean }): Promise<void>;
  stop(): Promise<void>;
}

/** Latitudes of birthplaces: each pair of players has a hex of its own. */
let nth = 0;

export async function startPages(env: Readonly<Record<string, string>>): Promise<Pages> {
  if (!existsSync(browserPath)) {
    throw new Error(`no browser at ${browserPath}: install chromium or set CHROMIUM_PATH`);
  }
  for (const folder of [artifacts, pictures]) mkdirSync(folder, { recursive: true });
  const world = await startWorld({ profile: "embedded", env });
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const browser: Browser = await chromium.launch({ executablePath: browserPath, args });
  const faults: string[] = [];

  async function newPage({ width, height }: Width): Promise<Page> {
    const viewport = { width, height };
    const context: BrowserContext = await browser.newContext({ viewport, reducedMotion: "reduce" });
    const page = await context.newPage();
    page.setDefaultTimeout(pageMsMax);
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
    });
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("dialog", (dialog) => {
      faults.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    return page;
  }

  return {
    world,
    faults,
    newPage,
    async join(width, { page } = {}) {
      const [minted] = await world.mint(1, hexText(birthplace()));
      const opened = page ?? (await newPage(width));
      await opened.goto(`${world.status().endpoints.http}/#token=${minted!.token}`);
      await opened.locator('body[data-state="online"][data-present="true"]').waitFor();
      const name = (await opened.locator(".identity strong").textContent()) ?? "";
      return { page: opened, minted: minted!, name };
    },
    async picture(page, name, { readme = false } = {}) {
      await page.mouse.move(0, 0);
      const folder = readme ? pictures : artifacts;
      const isNarrow = (page.viewportSize()?.width ?? 0) < 820;
      const fullPage = isNarrow && !readme;
      // What is sticky stands where it belongs.
      await page.evaluate(() => scrollTo(0, 0));
      await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage });
    },
    async stop() {
      await browser.close();
      await world.stop();
    },
  };
}

/** Where players are born from now on. */
export function birthplace(): bigint {
  return hexAt(46 + nth, 8);
}

/** Who is born from now on does not meet those before. */
export function moveOn(): void {
  nth++;
}

export const tab = (page: Page, title: string): Locator =>
  page.getByRole("tab", { name: new RegExp(`^${title}`) });

export async function open(page: Page, title: string): Promise<void> {
  await tab(page, title).click();
  await page.locator(`[role="tabpanel"][id="panel-${title.toLowerCase()}"]`).waitFor();
}

/** A card of the panel, by its heading. */
export const card = (page: Page, heading: string | RegExp): Locator =>
  page.locator("section.card").filter({ has: page.getByRole("heading", { name: heading }) });

/** Waits until a form says so. */
export async function says(of: Locator, words: string | RegExp): Promise<void> {
  await of.locator(".said").filter({ hasText: words }).waitFor();
}

/** What axe holds against the page, contrast, names and roles among it: the rules of WCAG 2.2 AA. */
export async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations, passes } = await page.evaluate(async () => {
    const { axe: found } = globalThis as unknown as { axe: typeof axe };
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    // Of the frames' lines the first few tell as much as all.
    const where = { exclude: [[".frames li:nth-child(n + 4)"]] };
    return found.run(where, { runOnly: tags });
  });
  expect(passes.length).toBeGreaterThan(10);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

/** What hangs over an edge, or, on a phone, is too small for a finger; and texts that are cut off. */
export const misfits = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const wide = document.documentElement.clientWidth;
    const isNarrow = wide < 820;
    const found: string[] = [];
    if (document.documentElement.scrollWidth > wide) found.push("the page scrolls sideways");
    const aside = document.querySelector("aside")!;
    if (aside.scrollWidth > aside.clientWidth) found.push("the panel scrolls sideways");
    for (const element of document.querySelectorAll<HTMLElement>(
      "button, input, select, summary",
    )) {
      const { height, right, left } = element.getBoundingClientRect();
      const name = element.textContent || element.id || element.className;
      const isLabelled = element.closest("label") !== null;
      if (isNarrow && height > 0 && height < 40 && !isLabelled) {
        found.push(`${name} is ${height} px high`);
      }
      if (height > 0 && (right > wide + 0.5 || left < -0.5)) found.push(`${name} hangs over`);
    }
    for (const element of document.querySelectorAll<HTMLElement>(".card *:not(svg, svg *)")) {
      const { overflowX } = getComputedStyle(element);
      if (overflowX === "visible" && element.scrollWidth > element.clientWidth + 1) {
        if (element.clientWidth > 0)
          found.push(`${element.className || element.tagName} overflows`);
      }
    }
    return found;
  });
