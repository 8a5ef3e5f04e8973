/**
 * Stores that come back from another moment than the others, or from another world: set back, emptied or exchanged while
 * the world rests. The durable world is what PostgreSQL's journal folds to, and ledger and journal agree, within a
 * minute of the start and after a roll of its workers; or the start is refused by name. A private Redis keeps nothing:
 * each start of it is one on an emptied store (another world's: `router/src/lease/lease-stores/redis.int.test.ts`).
 */
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { diskOf, hexAt, keyText } from "@hexhold/hex";
import { CHECKOUT, removeDataDir } from "@hexhold/local-stack";
import { startWorld, type World } from "@hexhold/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startPlay } from "../play.ts";

const stores = ["postgres", "mongodb", "rabbitmq"] as const;
/** Shorter than `startWorld` waits. */
const refusedMsMax = 90_000;
/** Promised from the start of the world on. */
const agreeMsMax = 60_000;
const places = diskOf(hexAt(48.85, 2.35), 1).map((hexId) => keyText({ hexId, layerId: 0 }));
const dataDir = mkdtempSync(path.join(tmpdir(), "hexhold-histories-"));
/** Stores of another world that lived in the same place: RabbitMQ notes where its data lie. */
const others = mkdtempSync(path.join(tmpdir(), "hexhold-other-world-"));
const kept = mkdtempSync(path.join(tmpdir(), "hexhold-moment-"));
const withoutInventory = { HEXHOLD_INVENTORY__ENABLED: "false" };

type Service = "postgres" | "mongodb" | "rabbitmq" | "redis";

afterAll(() => {
  removeDataDir(dataDir);
  for (const folder of [kept, others]) rmSync(folder, { recursive: true, force: true });
});

function open(env: Readonly<Record<string, string>> = {}): Promise<World> {
  return startWorld({
    profile: "cluster",
    dataDir,
    env: { HEXHOLD_GAME__OPTIONS__STOCK_CAPACITY: "100000000", ...env },
  });
}

async function play(world: World): Promise<void> {
  const played = await startPlay(world, 8, 20, places);
  await pause(2000);
  await played.finish();
  for (const player of played.players) player.close();
}

/** Of a service that is stopped; its folder may lie elsewhere. */
function folderOf(service: Service): string {
  return realpathSync(path.join(dataDir, service));
}

function keep(services: readonly Service[], place = kept): void {
  for (const service of services) replace(path.join(place, service), folderOf(service));
}

/** Puts what lies in `by` in the place of what lies in `folder`. */
function replace(folder: string, by: string): void {
  mkdirSync(folder, { recursive: true });
  const script = 'find "$1" -mindepth 1 -delete && cp -a "$2/." "$1/"';
  execFileSync("sh", ["-c", script, "sh", folder, by]);
}

function setBack(service: Service): void {
  replace(folderOf(service), path.join(kept, service));
}

function empty(service: Service): void {
  execFileSync("find", [folderOf(service), "-mindepth", "1", "-delete"]);
}

/** What `hexctl verify` says, as soon as it finds no fault and nothing owed. */
async function untilAgreed(): Promise<string> {
  const startedMs = performance.now();
  for (;;) {
    const { code, output } = await verify();
    const tookMs = performance.now() - startedMs;
    if (code === 0 && /ledger: \d+ events? credited, 0 owed/.test(output)) {
      console.log(`agreed after ${Math.round(tookMs)} ms (promised ${agreeMsMax})`);
      return output;
    }
    if (tookMs > agreeMsMax) throw new Error(`no agreement: ${output}`);
    await pause(1000);
  }
}

/** Restarts the workers, one after the other. */
async function rollWorkers(): Promise<void> {
  await promisify(execFile)(
    process.execPath,
    [path.join(CHECKOUT, "hexctl/src/main.ts"), "roll", "--kind", "worker"],
    { cwd: CHECKOUT, env: { ...process.env, HEXHOLD_DATA_DIR: dataDir } },
  );
}

async function verify(): Promise<{ code: number; output: string }> {
  const run = promisify(execFile)(
    process.execPath,
    [path.join(CHECKOUT, "hexctl/src/main.ts"), "verify"],
    {
      cwd: CHECKOUT,
      env: {
        ...process.env,
        HEXHOLD_DATA_DIR: dataDir,
        HEXHOLD_GAME__OPTIONS__STOCK_CAPACITY: "100000000",
      },
    },
  );
  try {
    return { code: 0, output: (await run).stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: `${stdout}${stderr}` };
  }
}

interface Case {
  readonly what: string;
  /** Played without an inventory first: what its services hold then waits in the broker. */
  readonly withoutInventory: boolean;
  readonly change: () => void;
}

/** `HEXHOLD_CHAOS_HISTORIES=all`; `npm test` takes the first one, which is the hardest. */
const cases: readonly Case[] = [
  {
    // What waits in the broker is of a moment that PostgreSQL will not have seen.
    what: "PostgreSQL set back: nothing that happened after its moment counts anywhere",
    withoutInventory: true,
    change: () => setBack("postgres"),
  },
  {
    what: "RabbitMQ emptied: what was owed is found, sent again, and credited once",
    withoutInventory: true,
    change: () => empty("rabbitmq"),
  },
  {
    what: "MongoDB set back, Redis emptied: the journal counts",
    withoutInventory: false,
    change() {
      setBack("mongodb");
      empty("redis");
    },
  },
  {
    what: "RabbitMQ set back: what it has again is handled once",
    withoutInventory: false,
    change: () => setBack("rabbitmq"),
  },
];
const takesAll = process.env["HEXHOLD_CHAOS_HISTORIES"] === "all";

describe("a world whose stores come back from different moments", () => {
  beforeAll(async () => {
    const world = await open();
    await play(world);
    await untilAgreed();
    await world.stop();
    keep(stores);
  });

  it.each(takesAll ? cases : cases.slice(0, 1))("$what", async (one) => {
    const before = await open(one.withoutInventory ? withoutInventory : {});
    await play(before);
    if (one.withoutInventory) {
      // Confirmed by the broker, and handled by nobody.
      const { output } = await verify();
      expect(output).toMatch(/ledger: \d+ events? credited, [1-9]\d* owed/);
    }
    await before.stop();
    one.change();
    const world = await open();
    try {
      await untilAgreed();
      await play(world);
      if (takesAll) await rollWorkers();
      await untilAgreed();
    } finally {
      await world.stop();
    }
  });

  describe.runIf(takesAll)("of another world with the same passwords", () => {
    beforeAll(async () => {
      keep(stores);
      for (const store of stores) empty(store);
      const other = await open();
      await play(other);
      await other.stop();
      keep(stores, others);
      for (const store of stores) setBack(store);
    });

    it.each([
      ["PostgreSQL", "exchanged", "postgres", /the (broker|store) holds the .* of the world/],
      ["PostgreSQL", "emptied", "postgres", /the (broker|store) holds the .* of the world/],
      ["MongoDB", "exchanged", "mongodb", /holds the snapshots of the world/],
      ["RabbitMQ", "exchanged", "rabbitmq", /the broker holds the queues of the world/],
    ] as const)(
      "%s %s: the start is refused by name, and works with what was there before",
      async (_store, how, service, reason) => {
        if (how === "emptied") empty(service);
        else replace(folderOf(service), path.join(others, service));
        const fromMs = performance.now();
        await expect(open()).rejects.toThrow(reason);
        // By itself, and not because nobody waits any longer.
        expect(performance.now() - fromMs).toBeLessThan(refusedMsMax);
        setBack(service);
        const world = await open();
        try {
          await untilAgreed();
          await play(world);
          await untilAgreed();
        } finally {
          await world.stop();
        }
        keep([service]);
      },
    );
  });
});
