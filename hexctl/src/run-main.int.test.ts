/** The one way in which hexctl ends, as a process of its own. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

function run(body: string, dataDir = "/nonexistent"): { status: number | null; stderr: string } {
  const main = JSON.stringify(join(import.meta.dirname, "run-main.ts"));
  const script = `
    import { runMain } from ${main};
    ${body}
  `;
  const { status, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "--eval", script],
    {
      encoding: "utf8",
      env: { ...process.env, HEXHOLD_DATA_DIR: dataDir },
      timeout: 30_000,
    },
  );
  return { status, stderr };
}

it.each([
  ["a rejection that nobody hears", "Promise.reject(new Error('lost'))", "lost"],
  [
    "an exception outside of everything",
    "setTimeout(() => { throw new Error('thrown'); })",
    "thrown",
  ],
])("%s is said in a sentence, with exit code 1", (_what, fault, reason) => {
  const { status, stderr } = run(
    `${fault}; runMain(["node", "hexctl", "logs", "--follow"], process.env);`,
  );
  expect([status, stderr.trim()]).toEqual([1, expect.stringContaining(reason)]);
  expect(stderr).not.toMatch(/^\s+at /m);
});

it("an option that is nearly one is said with the one that was meant", () => {
  const { status, stderr } = run(
    `runMain(["node", "hexctl", "start", "--gmae", "games/reference"], process.env);`,
  );
  expect([status, stderr]).toEqual([1, expect.stringContaining("Did you mean --game?")]);
});

it.each([
  ["no such folder", "games/none", /there is no game at .*games\/none/],
  ["a folder without a package", "games", /games holds no game: it has no package\.json/],
  ["a package that is no game", "libs/config", /does not export the function createGame/],
])("a start with %s says so before it starts anything", (_what, place, reason) => {
  const dataDir = mkdtempSync(join(tmpdir(), "hexhold-start-"));
  const { status, stderr } = run(
    `runMain(["node", "hexctl", "start", "--game", "${place}"], process.env);`,
    dataDir,
  );
  expect([status, stderr]).toEqual([1, expect.stringMatching(reason)]);
  expect(readdirSync(dataDir)).not.toContain("postgres");
  rmSync(dataDir, { recursive: true });
});

it("a command that fails does not stay for what it has left open", () => {
  const { status, stderr } = run(
    `setInterval(() => undefined, 1000); runMain(["node", "hexctl", "logs", "nothing"], process.env);`,
  );
  expect([status, stderr]).toEqual([1, expect.stringContaining('There is no log "nothing"')]);
});
