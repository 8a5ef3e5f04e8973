import { afterEach, beforeEach, expect, it } from "vitest";
import { RegionBindings, type RegionBindingsOptions } from "./region-bindings.ts";

let calls: string[];
let bindings: RegionBindings;
/** While set, calls wait for it. */
let gate: PromiseWithResolvers<void> | undefined;
let fails = false;

const inbox = {
  bind: (region: string) => note(`+${region}`),
  unbind: (region: string) => note(`-${region}`),
};

async function note(call: string): Promise<void> {
  calls.push(call);
  if (fails) throw new Error("no");
  await gate?.promise;
}

async function start(options: RegionBindingsOptions = {}): Promise<void> {
  bindings = new RegionBindings({ idleMs: 1000, ...options });
  await bindings.connect(inbox);
}

beforeEach(() => {
  calls = [];
  gate = undefined;
  fails = false;
});
afterEach(() => bindings.stop());

const settled = () => new Promise((resolve) => setImmediate(resolve));

async function watch(region: string): Promise<void> {
  bindings.watch(region);
  await bindings.whenBound(region);
}

it("costs one call, however often a region is watched and left", async () => {
  await start();
  for (let n = 0; n < 300; n++) {
    await watch("a");
    bindings.unwatch("a", n);
  }
  expect(calls).toEqual(["+a"]);
  expect((bindings.watch("a"), bindings.whenBound("a"))).toBeUndefined();
  bindings.unwatch("a", 300);
  bindings.sweep(1299);
  await settled();
  expect(calls).toEqual(["+a"]);
  bindings.sweep(1300);
  await settled();
  expect(calls).toEqual(["+a", "-a"]);
});

it("binds anew what is wanted again while it is unbound, and says so only then", async () => {
  await start();
  await watch("a");
  bindings.unwatch("a", 0);
  gate = Promise.withResolvers();
  bindings.sweep(5000);
  await settled();
  bindings.watch("a");
  let isBound = false;
  const bound = bindings.whenBound("a")!.catch(() => (isBound = false));
  const again = bound.then(() => bindings.whenBound("a"))?.then(() => (isBound = true));
  await settled();
  expect([calls, isBound]).toEqual([["+a", "-a"], false]);
  gate.resolve();
  await again;
  expect([calls, isBound]).toEqual([["+a", "-a", "+a"], true]);
});

it("has so many idle regions, and so many calls at a time", async () => {
  await start({ idleMax: 2, callsMax: 3 });
  const names = ["a", "b", "c", "d", "e"];
  gate = Promise.withResolvers();
  const all = Promise.all(names.map((name) => watch(name)));
  await settled();
  expect(calls).toEqual(["+a", "+b", "+c"]);
  gate.resolve();
  await all;
  for (const [ms, name] of names.entries()) bindings.unwatch(name, ms);
  await settled();
  expect(calls.slice(5)).toEqual(["-a", "-b", "-c"]);
});

it("binds what is watched on a new queue, and forgets what is not", async () => {
  await start();
  await watch("a");
  await watch("b");
  bindings.unwatch("b");
  bindings.disconnect();
  await expect(bindings.whenBound("a")).rejects.toMatchObject({ code: "NOT_BOUND" });
  calls = [];
  await bindings.connect(inbox);
  expect(calls).toEqual(["+a"]);
});

it("rejects when a binding fails, and tries again when it is asked again", async () => {
  await start();
  fails = true;
  bindings.watch("a");
  await expect(bindings.whenBound("a")).rejects.toMatchObject({ code: "NOT_BOUND" });
  fails = false;
  await bindings.whenBound("a");
  expect(calls).toEqual(["+a", "+a"]);
});
