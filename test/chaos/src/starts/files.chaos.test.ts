/** Starts that fail: exit code 1, one sentence with the reason, nothing left behind, and the next start works. Files of ours that are damaged, settings that are wrong, starts that are killed. */
import { readFileSync, realpathSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { expectFailure, useStartCase } from "./start-case.ts";

const at = useStartCase();

describe("a start with files of ours that are damaged", () => {
  it("names secrets.json, and works again with the right one", async () => {
    await at.expectStart();
    const file = join(at.dataDir, "secrets.json");
    const text = readFileSync(file, "utf8");
    for (const [damage, why] of [
      ["", "it is empty"],
      [text.slice(0, 40), "it is no JSON"],
      ["{}", "not as it was written"],
    ] as const) {
      writeFileSync(file, damage);
      const ended = await at.tryStart();
      expectFailure(ended, new RegExp(`secrets\\.json is damaged \\(${why}.*restore it`));
    }
    writeFileSync(file, text);
    for (const other of ["host-secrets.json", "access-key.json"]) {
      writeFileSync(join(at.dataDir, other), "");
      expectFailure(await at.tryStart(), new RegExp(`${other} is damaged .*move it away`));
      rmSync(join(at.dataDir, other));
    }
    await at.expectStart();
  });

  it("sets a damaged ledger aside, says so, and works", async () => {
    writeFileSync(join(at.dataDir, "processes.json"), "{");
    writeFileSync(join(at.dataDir, "status.json"), "");
    const { output } = await at.expectStart();
    expect(output).toMatch(/processes\.json is damaged.*processes\.json\.damaged now/);
  });

  it("names a damaged database: PG_VERSION, pg_control, an unknown version", async () => {
    await at.expectStart();
    const data = realpathSync(join(at.dataDir, "postgres", "data"));
    const version = readFileSync(join(data, "PG_VERSION"), "utf8");
    writeFileSync(join(data, "PG_VERSION"), "");
    expectFailure(await at.tryStart(), /database in .* is damaged: its file PG_VERSION/);
    writeFileSync(join(data, "PG_VERSION"), "9\n");
    expectFailure(await at.tryStart(), /made by PostgreSQL 9, .* install PostgreSQL 9/);
    writeFileSync(join(data, "PG_VERSION"), version);
    const control = join(data, "global/pg_control");
    const whole = readFileSync(control);
    truncateSync(control, 100);
    expectFailure(await at.tryStart(), /^postgres ended .*(FATAL|PANIC): .*pg_control/);
    writeFileSync(control, whole);
    await at.expectStart();
  });
});

describe("a start that is killed", () => {
  it.each([
    ["before anything runs", /^/],
    ["while initdb works", /postgres\s+starting/],
    ["when the database is up", /postgres\s+ready/],
    ["when the schemas are there", /applied/],
    ["when it is ready", /^ready in/m],
  ])("%s leaves a directory in which the next one works", async (_phase, killAt) => {
    expect((await at.tryStart({ killAt })).how).toBe("signal SIGKILL");
    await at.expectStart();
  });
});

describe("a start with a wrong configuration", () => {
  it("names every fault at once", async () => {
    const env = { HEXHOLD_WORLD__PARTITIONS: "12", HEXHOLD_GATEWAY__SOCKETS_MAX: "many" };
    const ended = await at.tryStart({ env });
    expect(ended).toMatchObject({ how: "exit code 1", left: [] });
    expect(ended.reason).toMatch(/partitions[\s\S]*socketsMax|socketsMax[\s\S]*partitions/);
  });
});

describe("a start whose ports are taken", () => {
  let taken: Server;

  afterEach(() => new Promise((resolve) => taken.close(resolve)));

  it("gives the gateway the next one", async () => {
    taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    const { output } = await at.expectStart({ env: { HEXHOLD_GATEWAY__PORT: String(port) } });
    expect(output).toMatch(/sockets\s+ws:\/\/127\.0\.0\.1:\d+/);
    expect(output).not.toContain(`ws://127.0.0.1:${port}\n`);
  });
});
