/** docs/games.md, followed to the letter in a folder that did not exist. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { startWorld, type World } from "@hexhold/testing";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const browserPath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";

interface Block {
  readonly language: string;
  /** Path in the game's folder; undefined: no file. */
  readonly file: string | undefined;
  readonly text: string;
}

/** The fenced blocks of the first half of the page, in their order. */
const blocks: readonly Block[] = (() => {
  const page = readFileSync(path.join(root, "docs/games.md"), "utf8");
  const [tutorial = ""] = page.split("\n## What a game is made of");
  return [...tutorial.matchAll(/^```(\w+)(?: file=(\S+))?\n([\s\S]*?)^```$/gm)].map(
    ([, language = "", file, text = ""]) => ({ language, file, text }),
  );
})();

/** From the root: a folder of the examples, as on the page; git and the gates pass it by. */
let game: string;
let world: World | undefined;
let browser: Browser | undefined;

beforeAll(() => {
  if (!existsSync(browserPath)) {
    throw new Error(`no browser at ${browserPath}: install chromium or set CHROMIUM_PATH`);
  }
  game = path.relative(root, mkdtempSync(path.join(root, "examples/fresh-")));
});
afterAll(async () => {
  await browser?.close();
  await world?.stop();
  rmSync(path.join(root, game), { recursive: true, force: true });
});

async function run(command: string): Promise<string> {
  const { stdout } = await promisify(execFile)("bash", ["-c", command], { cwd: root });
  return stdout;
}

it("makes a game whose first command is answered, and which the page shows", async () => {
  const commands: string[] = [];
  for (const { language, file, text } of blocks) {
    if (file !== undefined) {
      mkdirSync(path.dirname(path.join(root, game, file)), { recursive: true });
      writeFileSync(path.join(root, game, file), text);
      continue;
    }
    expect(language).toBe("sh");
    const command = text.trim().replaceAll("examples/hello", game);
    commands.push(command.split(" ").slice(0, 3).join(" "));
    const start = /npm start -- (.*)$/.exec(command)?.[1];
    if (start !== undefined) {
      world = await startWorld({ profile: "embedded", flags: start.split(" ") });
    } else if (command.endsWith("play.ts")) {
      // The port of a test's world is any.
      const printed = await run(`${command} ${world!.status().endpoints.ws}`);
      expect(printed).toMatch(/outcome: 'applied'/);
      expect(printed).toMatch(/waves: 1n/);
      expect(await run(`${command} ${world!.status().endpoints.ws}`)).toMatch(/waves: [12]n/);
    } else {
      const printed = await run(command);
      if (command.startsWith("npm test")) expect(printed).toContain("1 passed, 0 failed");
    }
  }
  expect(commands).toEqual([
    "npm run generate",
    "npm test --",
    expect.stringContaining("npm start"),
    "npx -y pnpm@12.21.0",
  ]);

  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  browser = await chromium.launch({ executablePath: browserPath, args });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const faults: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(error.message));
  await page.goto(world!.playUrl);
  await page.locator('body[data-state="online"][data-present="true"]').waitFor();
  await page.getByText(/no view of its own/).waitFor();
  await page.getByText("waves").first().waitFor();
  mkdirSync(path.join(root, ".build/screenshots"), { recursive: true });
  await page.screenshot({ path: path.join(root, ".build/screenshots/game-without-a-view.png") });
  expect(faults).toEqual([]);
});
