/** `npm run demo` as a user has it. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "hexhold-demo-test-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly exitCode: number;
  readonly lines: readonly string[];
}

async function demo(...flags: string[]): Promise<Ended> {
  return await new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [path.join(root, "demo/src/main.ts"), ...flags],
      { cwd: root, timeout: 200_000 },
      (_error, stdout, stderr) =>
        resolve({
          exitCode: child.exitCode ?? -1,
          lines: `${stderr}${stdout}`.trimEnd().split("\n"),
        }),
    );
  });
}

interface Result {
  readonly format: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly world: { readonly profile: string; readonly processes: readonly string[] };
  readonly bots: number;
  readonly commands: {
    readonly commands: number;
    readonly applied: number;
    readonly p95Ms: number;
    readonly byKind: Readonly<Record<string, number>>;
    readonly transfers: { readonly arrived: number };
  };
  readonly client: { readonly online: number; readonly events: number };
  readonly faults: readonly {
    readonly name: string;
    readonly atMs: number;
    readonly runsAgainMs: number;
    readonly slowestMs: number;
  }[];
  readonly series: readonly { readonly applied: number; readonly online: number }[];
  readonly checks: readonly { readonly name: string; readonly passed: boolean }[];
}

type EconomyRun = Pick<Result, "commands"> & {
  readonly economy: {
    readonly assets: readonly {
      readonly asset: string;
      readonly minted: number;
      readonly burned: number;
      readonly owned: number;
      readonly held: number;
    }[];
    readonly series: readonly { readonly levels: number }[];
  };
};

it("lets bots play through the death of a worker, and everything holds that was promised", async () => {
  const file = path.join(folder, "result.json");
  const flags = `--profile cluster --workers 2 --bots 12 --for 10s --kill worker=3s --json ${file}`;
  const { exitCode, lines } = await demo(...flags.split(" "));
  expect(lines.filter((line) => line.includes("✘"))).toEqual([]);
  expect(lines.at(-1)).toMatch(/^\d+ passed, 0 failed$/);
  expect(exitCode).toBe(0);
  const result = JSON.parse(readFileSync(file, "utf8")) as Result;
  expect(result).toMatchObject({ format: 1, bots: 12, world: { profile: "cluster" } });
  expect(result.world.processes).toEqual(expect.arrayContaining(["worker-1", "worker-2"]));
  expect(Object.keys(result.versions)).toEqual(
    expect.arrayContaining(["node", "postgres", "rabbitmq", "redis", "mongodb"]),
  );
  // 12 bots with 4 steps a second each, for ten seconds.
  expect(result.commands.applied).toBeGreaterThan(200);
  for (const kind of ["enter", "walk", "gather", "leave"]) {
    expect(result.commands.byKind[kind]).toBeGreaterThanOrEqual(12);
  }
  expect(result.commands.transfers.arrived).toBeGreaterThan(3);
  expect(result.commands.p95Ms).toBeGreaterThan(0);
  expect(result.client.events).toBeGreaterThan(result.commands.applied);
  expect(result.series).toHaveLength(10);
  expect(result.series.some(({ online }) => online === 12)).toBe(true);
  expect(result.faults).toMatchObject([{ kind: "kill", name: "worker-1" }]);
  expect(result.faults[0]!.atMs).toBeGreaterThanOrEqual(3000);
  expect(result.faults[0]!.runsAgainMs).toBeGreaterThan(0);
  expect(result.faults[0]!.slowestMs).toBeGreaterThan(0);
  expect(lines.join("\n")).toContain("▲ kill worker-1 at 3.");
  expect(result.checks.map(({ name }) => name)).toEqual([
    expect.stringContaining("within 5 s"),
    expect.stringContaining("unknown outcome"),
    expect.stringContaining("each transfer"),
    expect.stringContaining("unnoticed gap"),
    expect.stringContaining("session"),
    expect.stringContaining("around a fault"),
    expect.stringContaining("runs again"),
    expect.stringContaining("outboxes and queues"),
    expect.stringContaining("the ledger is the sum"),
    expect.stringContaining("dead letter"),
    expect.stringContaining("document"),
  ]);
});

it("lets bots live in an economy through the death of the market, and draws what came of it", async () => {
  const [json, svg] = ["economy.json", "economy.svg"].map((name) => path.join(folder, name));
  const world = "--profile cluster --bots 20 --for 15s --kill market=6s";
  const flags = `--economy ${world} --json ${json!} --svg ${svg!}`;
  const { exitCode, lines } = await demo(...flags.split(" "));
  expect(lines.filter((line) => line.includes("✘"))).toEqual([]);
  expect(exitCode).toBe(0);
  expect(lines.join("\n")).toMatch(
    /and nothing contradicts anything else \(verify --economy\) \(6 passed/,
  );
  const { economy, commands } = JSON.parse(readFileSync(json!, "utf8")) as EconomyRun;
  for (const kind of ["order", "look", "contribute"]) {
    expect(commands.byKind[kind]).toBeGreaterThan(0);
  }
  expect(economy.assets.map(({ asset }) => asset)).toEqual(
    expect.arrayContaining(["coin", "stone"]),
  );
  for (const { minted, burned, owned, held } of economy.assets) {
    expect(owned + held).toBe(minted - burned);
  }
  expect(economy.series).toHaveLength(15);
  expect(economy.series.at(-1)!.levels).toBeGreaterThan(0);
  expect(readFileSync(svg!, "utf8")).toMatch(/<polygon [\s\S]*1 kill market-1 at 6\.\d s<\/text>/);
});

it("needs no flags but numbers, and finds every document where the journal is", async () => {
  const { exitCode, lines } = await demo("--bots", "5", "--for", "2s");
  expect(lines.filter((line) => line.includes("✘"))).toEqual([]);
  expect(lines.find((line) => line.includes("at the version and hash"))).toMatch(/[1-9]\d* equal/);
  expect(lines.at(-1)).toBe("9 passed, 0 failed");
  expect(exitCode).toBe(0);
});

it("refuses a wrong flag before anything is started, and says what would be right", async () => {
  const { exitCode, lines } = await demo("--profile", "cluster", "--kill", "wurker=5s");
  expect(exitCode).toBe(1);
  expect(lines.join("\n")).toMatch(/no "wurker" to kill: name one of worker, gateway, router,/);
  const picture = await demo("--svg", "x.svg");
  expect(picture.lines).toEqual(["--svg draws what an economy came to; add --economy"]);
  const without = await demo("--kill", "worker=5s");
  expect(without).toEqual({
    exitCode: 1,
    lines: ["--kill worker: a world of the profile embedded is one process; add --profile cluster"],
  });
});
