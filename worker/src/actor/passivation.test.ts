import { expect, it } from "vitest";
import { choosePassive, memoryOf } from "./passivation.ts";

interface Hex {
  readonly name: string;
  readonly stateBytes: number;
  readonly usedMs: number;
  readonly unsaved: number;
  readonly unsavedVolatile: number;
}

const nowMs = 1_000_000;

function hex(name: string, idleMs: number, more: Partial<Hex> = {}): Hex {
  const usedMs = nowMs - idleMs;
  return { name, stateBytes: 1000, usedMs, unsaved: 0, unsavedVolatile: 0, ...more };
}

/** With room for `hexes` actors of 1,000 bytes. */
function chosen(hexes: readonly Hex[], room: number): { gone: string[]; saved: string[] } {
  const limits = { memoryBytesMax: room * memoryOf({ stateBytes: 1000 }), idleMs: 60_000 };
  const { passivate, save } = choosePassive(hexes, limits, nowMs);
  return {
    gone: passivate.map(({ hex: { name }, cause }) => `${name} ${cause}`),
    saved: save.map(({ name }) => name),
  };
}

it("lets go of what nobody has asked for a while, and of nothing else while there is room", () => {
  const hexes = [hex("new", 0), hex("old", 59_999), hex("idle", 60_000)];
  expect(chosen(hexes, 10)).toEqual({ gone: ["idle idle"], saved: [] });
});

it("under pressure lets go of those asked longest ago, until there is a little room", () => {
  const hexes = Array.from({ length: 11 }, (_, i) => hex(String(i), i));
  expect(chosen(hexes, 11)).toEqual({ gone: [], saved: [] });
  expect(chosen(hexes, 10)).toEqual({ gone: ["10 memory", "9 memory"], saved: [] });
});

it("has saved first what no snapshot has", () => {
  const hexes = [
    hex("a", 70_000, { unsaved: 2 }),
    hex("b", 70_000, { unsaved: 1, unsavedVolatile: 1 }),
  ];
  expect(chosen(hexes, 10)).toEqual({ gone: [], saved: ["a", "b"] });
});

it("far beyond the limit goes without a snapshot of what the journal has, never of what it has not", () => {
  const hexes = [
    hex("durable", 5, { unsaved: 2 }),
    hex("volatile", 6, { unsaved: 2, unsavedVolatile: 1 }),
    hex("saved", 1),
  ];
  expect(chosen(hexes, 2)).toEqual({ gone: ["durable memory"], saved: ["volatile"] });
});
