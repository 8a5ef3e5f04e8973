import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { CHECKOUT } from "@hexhold/local-stack";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readWorldConfig } from "./world-config.ts";
import { loadWorldGame, rememberedGame, rememberGame } from "./world-game.ts";

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "hexhold-game-"));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const choiceOf = (env: Record<string, string> = {}, givenGame?: string) =>
  readWorldConfig({ checkout: CHECKOUT, env, dataDir, givenGame }).game;

describe("the game of a world", () => {
  it("is the reference game unless something else is said, and names itself", async () => {
    const choice = choiceOf();
    expect(choice.name).toBeUndefined();
    const { loaded, module } = await loadWorldGame(choice, CHECKOUT);
    expect(loaded.name).toBe("reference");
    expect(module).toBe(pathToFileURL(join(CHECKOUT, "games/reference/src/index.ts")).href);
  });

  it("reads the format that is named, or nothing is started", async () => {
    const named = (format: number) => choiceOf({ HEXHOLD_WORLD__WORLD_FORMAT: String(format) });
    await expect(loadWorldGame(named(1), CHECKOUT)).resolves.toBeDefined();
    await expect(loadWorldGame(named(3), CHECKOUT)).rejects.toThrow(
      "world.worldFormat is 3, and reference reads formats up to 2: leave it out",
    );
  });

  it("is the one that is given, else that of a variable, else the one that is remembered", () => {
    const env = { HEXHOLD_GAME__MODULE: "/variable" };
    rememberGame(dataDir, "/remembered");
    expect(choiceOf(env, "/given").place).toBe("/given");
    expect(choiceOf(env).place).toBe("/variable");
    expect(choiceOf().place).toBe("/remembered");
    const file = join(dataDir, "module-name");
    writeFileSync(file, "/in-a-file\n");
    expect(choiceOf({ HEXHOLD_GAME__MODULE_FILE: file }).place).toBe("/in-a-file");
    const { place } = readWorldConfig({ checkout: CHECKOUT, env: {}, dataDir: undefined }).game;
    expect(place).toBe("games/reference/src/index.ts");
  });

  it("is remembered until another one is given, in a file of which a damage is said", () => {
    expect(rememberedGame(dataDir)).toBeUndefined();
    rememberGame(dataDir, "/a");
    rememberGame(dataDir, "/b");
    expect(rememberedGame(dataDir)).toBe("/b");
    expect(JSON.parse(readFileSync(join(dataDir, "game.json"), "utf8"))).toEqual({ place: "/b" });
    writeFileSync(join(dataDir, "game.json"), "{}");
    expect(() => rememberedGame(dataDir)).toThrow(/game\.json is damaged.*hexctl start --game/);
    expect(choiceOf({}, "/given").place).toBe("/given");
  });

  it("must have the name that the configuration says", async () => {
    const folder = join(dataDir, "flowers");
    mkdirSync(folder);
    writeFileSync(join(folder, "package.json"), '{ "exports": "./rules.mjs" }');
    const rules = 'export const createGame = () => ({ name: "flowers", version: "1.0.0" });\n';
    writeFileSync(join(folder, "rules.mjs"), rules);
    const named = (name: string) => choiceOf({ HEXHOLD_WORLD__GAME: name }, folder);
    expect((await loadWorldGame(named("flowers"), CHECKOUT)).loaded.name).toBe("flowers");
    await expect(loadWorldGame(named("reference"), CHECKOUT)).rejects.toThrow(
      /the game of .*flowers is flowers, and world\.game is reference: /,
    );
  });
});
