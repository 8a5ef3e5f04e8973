import { setTimeout as pause } from "node:timers/promises";
import { BroadcastChannel } from "node:worker_threads";
import { afterEach, expect, it } from "vitest";
import { RulesThreadPool } from "./rules-thread-pool.ts";

const gameModule = new URL("../../../games/reference/src/index.ts", import.meta.url).href;
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** A pool of threads that say when they begin and end to load, which takes `loadMs`, and that end when they are told to. */
function openPool(loadMs: number) {
  const name = `pool-${process.pid}-${performance.now()}`;
  const channel = new BroadcastChannel(name);
  const seen = { loaded: 0, loading: 0, loadingMost: 0 };
  channel.onmessage = (event) => {
    const { data } = event as { readonly data: unknown };
    if (data === "begin") seen.loadingMost = Math.max(seen.loadingMost, ++seen.loading);
    if (data !== "end") return;
    seen.loading -= 1;
    seen.loaded += 1;
  };
  const code = `
    import { BroadcastChannel } from "node:worker_threads";
    const channel = new BroadcastChannel(${JSON.stringify(name)});
    channel.postMessage("begin");
    await new Promise((r) => setTimeout(r, ${loadMs}));
    channel.postMessage("end");
    channel.onmessage = ({ data }) => { if (data === "die") throw new Error("told to"); };
    export * from ${JSON.stringify(gameModule)};`;
  const pool = new RulesThreadPool({
    gameModule: `data:text/javascript,${encodeURIComponent(code)}`,
    gameOptions: {},
    world: { bounds: [], layers: [0] },
  });
  ends.push(
    () => pool.stop(),
    () => channel.close(),
  );
  return { pool, seen, endReadyOnes: () => channel.postMessage("die") };
}

it("keeps two threads ready in the first seconds, and four as soon as one was needed", async () => {
  const { pool, seen } = openPool(1);
  const first = pool.take();
  ends.push(() => first.worker.terminate());
  await expect.poll(() => seen.loaded, { timeout: 15_000 }).toBe(3);
  await pause(1500);
  expect(seen.loaded).toBe(3);

  const second = pool.take();
  ends.push(() => second.worker.terminate());
  expect(second.ready).toBe(true);
  await expect.poll(() => seen.loaded, { timeout: 15_000 }).toBe(6);
  expect(seen.loadingMost).toBe(1);
});

it("loads one thread at a time, also when one that was ready ends meanwhile", async () => {
  const { pool, seen, endReadyOnes } = openPool(700);
  pool.take();
  await expect
    .poll(() => [seen.loaded, seen.loading], { timeout: 15_000, interval: 20 })
    .toEqual([2, 1]);
  endReadyOnes();
  await expect.poll(() => seen.loaded, { timeout: 15_000 }).toBe(4);
  expect(seen.loadingMost).toBe(1);
});
