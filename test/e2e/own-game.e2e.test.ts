/** A world of somebody's own game, from a folder that is given at its first start. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { create, toBinary } from "@bufbuild/protobuf";
import { EnterSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { GatherSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { removeDataDir } from "@hexhold/local-stack";
import { joinPlayer, startWorld, type World, withPostgres } from "@hexhold/testing";
import { afterEach, expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(path.join(tmpdir(), "hexhold-games-"));
const dataDir = mkdtempSync(path.join(tmpdir(), "hexhold-world-"));
let world: World | undefined;

afterEach(async () => {
  await world?.stop();
  removeDataDir(dataDir);
  rmSync(folder, { recursive: true });
});

/** A package whose game has the rules of the reference game, and credits kindling for all that is gathered. */
function writeGame(name: string): string {
  const place = path.join(folder, name);
  const urlOf = (file: string): string => pathToFileURL(path.join(root, file)).href;
  mkdirSync(path.join(place, "rules"), { recursive: true });
  const exports = { ".": { types: "./rules/game.d.ts", import: "./rules/game.mjs" } };
  writeFileSync(path.join(place, "package.json"), JSON.stringify({ name, exports }));
  writeFileSync(
    path.join(place, "rules/game.mjs"),
    `import { createGame as createReferenceGame } from "${urlOf("games/reference/src/index.ts")}";
     import { mint } from "${urlOf("libs/actor/src/index.ts")}";
     export const createGame = (options) => ({
       ...createReferenceGame(options),
       name: "${name}",
       version: "3.1.4",
       ledger: ({ playerId, amount, atMs }) => ({ atMs, postings: mint(playerId, "kindling", amount) }),
     });`,
  );
  return place;
}

/** Exit code, and what was printed. */
async function hexctl(
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<readonly [number, string]> {
  const command = [path.join(root, "hexctl/src/main.ts"), ...args];
  const env = { ...process.env, HEXHOLD_DATA_DIR: dataDir, ...more };
  return await new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      command,
      { cwd: root, env, timeout: 60_000 },
      (_error, stdout, stderr) => resolve([child.exitCode ?? -1, stdout + stderr]),
    );
  });
}

it("a world of a game from a folder is played, goes on and is verified without its being named again, and takes no other", async () => {
  const tiny = writeGame("tiny");
  const other = writeGame("other");
  world = await startWorld({ profile: "embedded", dataDir, flags: ["--game", tiny] });
  const [player] = await world.mint(1);
  const joined = await joinPlayer(world.status().endpoints.ws, player!);
  for (const [type, payload] of [
    ["cmd.hex.enter", toBinary(EnterSchema, create(EnterSchema))],
    [
      "cmd.hex.gather",
      toBinary(GatherSchema, create(GatherSchema, { resource: Resource.WOOD, amount: 7n })),
    ],
  ] as const) {
    expect((await joined.command(type, payload)).outcomes).toEqual(["applied"]);
  }
  joined.close();
  const posted = (): Promise<unknown[]> =>
    withPostgres(world!.status().services["postgres"]!.url, async (client) => {
      const { rows } = await client.query(
        "SELECT asset, amount FROM inventory.ledger_account JOIN inventory.balance USING (ledger_account_id)",
      );
      return rows;
    });
  await expect.poll(posted).toEqual([{ asset: "kindling", amount: "7" }]);
  await world.stop();

  const gameFile = path.join(dataDir, "game.json");
  const remembered = readFileSync(gameFile, "utf8");
  const [code, said] = await hexctl(["start", "--game", other]);
  expect([code, said]).toEqual([
    1,
    expect.stringContaining("holds another world: game is tiny, expected other"),
  ]);
  expect(readFileSync(gameFile, "utf8")).toBe(remembered);

  world = await startWorld({ profile: "embedded", dataDir });
  const verified = await hexctl(["verify"]);
  expect(verified).toEqual([
    0,
    expect.stringMatching(/ledger: 1 event credited, 0 owed\n\d+ passed, 0 failed/),
  ]);
  // The control: by the rules of the reference game the same ledger is not as it should be.
  const reference = { HEXHOLD_GAME__MODULE: "games/reference" };
  expect(await hexctl(["verify"], reference)).toEqual([
    1,
    expect.stringContaining("credits of 7 in all"),
  ]);
});
