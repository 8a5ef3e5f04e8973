import { expect, it } from "vitest";
import { loadGame } from "./load-game.ts";

const module = (body: string): string => `data:text/javascript,${encodeURIComponent(body)}`;
const load = (body: string) => loadGame({ module: module(body), options: {} });

it("takes a game that says its name and version", async () => {
  const game = await load('export const createGame = () => ({ name: "g", version: "0.1.0" })');
  expect(game.name).toBe("g");
});

it.each([
  ["what cannot be imported", "throw new Error('broken')", /cannot be loaded: broken/],
  ["what is no game", "export const x = 1", /does not export the function createGame/],
  [
    "a game without a version",
    'export const createGame = () => ({ name: "g" })',
    /must say its name and its version/,
  ],
])("refuses %s, by the module's name", async (_what, body, message) => {
  await expect(load(body)).rejects.toThrow(message);
});
