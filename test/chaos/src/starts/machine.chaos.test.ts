/** Starts that fail: exit code 1, one sentence with the reason, nothing left behind, and the next start works. Memory, clock and databases that are not as a start needs them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { isThere } from "@hexhold/config";
import { CHECKOUT, type LocalStack, removeDataDir, startLocalStack } from "@hexhold/local-stack";
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectFailure, useStartCase, statusOf } from "./start-case.ts";
import { fakeTimeLibrary } from "../fake-time.ts";
import { wrapPostgres } from "../wrapped-postgres.ts";
import { tryStart } from "./try-start.ts";

const at = useStartCase();

describe("a start on a machine that is not as it should be", () => {
  it("says that there is no memory for the database's shared buffers", async () => {
    const bin = mkdtempSync(join(tmpdir(), "hexhold-postgres-"));
    const env = { PATH: wrapPostgres(bin, ["ulimit -v 250000"]) };
    const ended = await at.tryStart({ env });
    rmSync(bin, { recursive: true });
    expectFailure(
      ended,
      /^postgres ended .*could not map anonymous shared memory: Cannot allocate/,
    );
    await at.expectStart();
  });

  it.runIf(isThere(fakeTimeLibrary)).each(["-1d", "+1d"])(
    "says that its clock is wrong (%s)",
    async (by) => {
      const env = { LD_PRELOAD: fakeTimeLibrary, FAKETIME: by, DONT_FAKE_MONOTONIC: "1" };
      const reason = /clock of this machine is 86400 s (behind|ahead of) .*PostgreSQL's clock/;
      expectFailure(await at.tryStart({ env }), reason);
      await at.expectStart();
    },
  );

  it("says what a service process printed when it does not come up", async () => {
    // A game that only the workers cannot load: the host would say it at once, without a process.
    const file = join(at.dataDir, "game.mjs");
    const reference = pathToFileURL(join(CHECKOUT, "games/reference/src/index.ts"));
    writeFileSync(
      file,
      `export { createGame } from "${reference.href}";
       if (process.argv[1].includes("worker")) throw new Error("this game is broken");`,
    );
    const env = { HEXHOLD_GAME__MODULE: file };
    const ended = await at.tryStart({ env, flags: ["--profile", "cluster"], msMax: 120_000 });
    expectFailure(ended, /this game is broken/);
  });
});

describe("a start on a database elsewhere", () => {
  let stack: LocalStack;
  let stackDir: string;
  let url: string;
  let databases = 0;

  beforeAll(async () => {
    stackDir = mkdtempSync(join(tmpdir(), "hexhold-starts-db-"));
    stack = await startLocalStack({ dataDir: stackDir, services: ["postgres"], install: false });
  });
  afterAll(async () => {
    await stack.stop();
    removeDataDir(stackDir);
  });
  beforeEach(async () => {
    databases += 1;
    const name = `world_${databases}`;
    await query(stack.service("postgres").url, `create database ${name}`);
    url = Object.assign(new URL(stack.service("postgres").url), { pathname: `/${name}` }).href;
  });

  const on = (changed: Partial<URL> = {}): { HEXHOLD_POSTGRES_URL: string } => ({
    HEXHOLD_POSTGRES_URL: Object.assign(new URL(url), changed).href,
  });

  it("says what refuses: no server, a wrong password, no such database", async () => {
    expectFailure(await at.tryStart({ env: on({ port: "1" }) }), /nothing listens there/);
    expectFailure(await at.tryStart({ env: on({ password: "wrong" }) }), /refuses the password/);
    expectFailure(
      await at.tryStart({ env: on({ pathname: "/none" }) }),
      /has no database of that name/,
    );
    await at.expectStart({ env: on() });
  });

  it("says that it is of a newer release, and writes nothing", async () => {
    await at.expectStart({ env: on() });
    await query(
      url,
      "insert into world.schema_migration (name, run_on) values ('9999_later', now())",
    );
    expectFailure(await at.tryStart({ env: on() }), /schema world is at 9999_later.*newer version/);
    await query(url, "delete from world.schema_migration where name = '9999_later'");
    await at.expectStart({ env: on() });
  });

  it("says that it has another world's settings", async () => {
    await at.expectStart({ env: on() });
    const env = { ...on(), HEXHOLD_WORLD__PARTITIONS: "16" };
    expectFailure(await at.tryStart({ env }), /partitions/);
    await at.expectStart({ env: on() });
  });

  it("says that another host has it, whatever data directory that one uses", async () => {
    const other = mkdtempSync(join(tmpdir(), "hexhold-starts-"));
    const first = tryStart({ dataDir: other, env: on(), stopAt: /never/ });
    await expect.poll(() => statusOf(other)?.ready, { timeout: 60_000 }).toBe(true);
    expectFailure(
      await at.tryStart({ env: on() }),
      /is in use by another host of Hexhold \(hexctl:host from/,
    );
    process.kill(statusOf(other)?.pid ?? 0, "SIGTERM");
    expect(await first).toMatchObject({ how: "exit code 0" });
    removeDataDir(other);
    await at.expectStart({ env: on() });
  });
});

async function query(url: string, text: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
