import { createLogger, createMetrics } from "@hexhold/telemetry";
import { expect, it } from "vitest";
import type { RecoveredHex } from "../journal/recovery.ts";
import { type RulesHost, RulesHostGoneError } from "../rules/rules-host.ts";
import { createWorkerMetrics } from "../worker-metrics.ts";
import { HexTable } from "./hex-table.ts";
import { type LoadContext, loadHexes } from "./load-hexes.ts";

const logger = createLogger({
  service: "worker",
  instance: "w",
  level: "fatal",
  destination: { write: () => undefined },
});
const hexes = ["a", "b", "c"].map((keyText) => ({ keyText }) as RecoveredHex);
const [sound, bad] = hexes as [RecoveredHex, RecoveredHex];

/** Rules that end at each load of `b` as often as `ends` says. */
function rules(loads: string[], ends: { left: number }): RulesHost {
  return {
    load(_slot: string, given: readonly RecoveredHex[]) {
      const texts = given.map(({ keyText }) => keyText);
      loads.push(texts.join(""));
      const at = texts.indexOf("b");
      if (at < 0 || ends.left-- <= 0) return Promise.resolve([]);
      return Promise.reject(new RulesHostGoneError("in a test", at));
    },
    stop: () => Promise.resolve(void loads.push("stop")),
  } as unknown as RulesHost;
}

function contextOf(spare: () => RulesHost): LoadContext & { readonly quarantined: string[] } {
  const quarantined: string[] = [];
  return {
    slot: "cmd.p0",
    table: new HexTable(),
    ports: { logger, metrics: createWorkerMetrics(createMetrics()), spareRules: spare },
    quarantine: ({ keyText }) => Promise.resolve(void quarantined.push(keyText)),
    quarantined,
  };
}

it("a hex that ends the rules meets the slot's own once, and is given up by spare ones", async () => {
  const own: string[] = [];
  const spare: string[] = [];
  const always = { left: Infinity };
  const host = rules(own, always);
  const context = contextOf(() => rules(spare, always));
  await expect(loadHexes(host, hexes, context)).rejects.toThrow(RulesHostGoneError);
  const faults = await loadHexes(host, hexes, context);
  expect(faults).toEqual([{ keyText: "b", reason: expect.stringMatching(/ended 5 times/) }]);
  expect(own).toEqual(["abc", "ac"]);
  expect(spare).toEqual(["b", "b", "b", "b", "stop"]);
  // Looked at again later: one attempt, not in the slot's own.
  expect(await loadHexes(host, [bad], context)).toHaveLength(1);
  expect(own).toEqual(["abc", "ac"]);
});

it("a hex that ended the rules by chance is loaded, and has all its attempts again", async () => {
  const own: string[] = [];
  const ends = { left: 2 };
  const host = rules(own, ends);
  const context = contextOf(() => rules([], ends));
  await expect(loadHexes(host, [sound, bad], context)).rejects.toThrow(RulesHostGoneError);
  expect(await loadHexes(host, [sound, bad], context)).toEqual([]);
  expect(own).toEqual(["ab", "ab"]);
  expect(context.table.loadAttempts.size).toBe(0);
});

it("a hex at which only the slot's own rules end is quarantined after five times", async () => {
  const own: string[] = [];
  const host = rules(own, { left: Infinity });
  const context = contextOf(() => rules([], { left: 0 }));
  for (let i = 0; i < 5; i++) {
    await expect(loadHexes(host, [bad], context)).rejects.toThrow(RulesHostGoneError);
  }
  expect(own).toHaveLength(5);
  expect(context.quarantined).toEqual(["b"]);
});

it("who was loaded while the rules ended at another request is charged nothing", async () => {
  const host = {
    load: () => Promise.reject(new RulesHostGoneError("at another request")),
  } as unknown as RulesHost;
  const context = contextOf(() => host);
  await expect(loadHexes(host, hexes, context)).rejects.toThrow(RulesHostGoneError);
  expect(context.table.loadAttempts.size).toBe(0);
});
