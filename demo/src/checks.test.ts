import type { BotsStats } from "@hexhold/bots";
import { expect, it } from "vitest";
import { checkPlay } from "./checks.ts";
import { createTally, type Totals } from "./tally.ts";

const good: Totals = {
  ...createTally().totals(),
  undisturbed: { commands: 1000, inTime: 999 },
  disturbed: { commands: 5, ended: 5 },
};
const stats = { gapsUnnoticed: 0, gapsNoticed: 3, malformed: 0, lost: 0 } as BotsStats;

function failed(totals: Partial<Totals>, changed: Partial<BotsStats> = {}): string[] {
  return checkPlay({ ...good, ...totals }, { ...stats, ...changed }, true)
    .filter(({ passed }) => !passed)
    .map(({ name }) => name);
}

it("passes what was promised, healed gaps included", () => {
  expect(failed({})).toEqual([]);
});

it.each([
  ["99.9 %", { undisturbed: { commands: 1000, inTime: 998 } }, {}],
  ["99.9 %", { undisturbed: { commands: 0, inTime: 0 } }, {}],
  ["unknown outcome", { unknown: 1 }, {}],
  ["each transfer", { transfers: { ...good.transfers, unknown: 1 } }, {}],
  ["around a fault", { disturbed: { commands: 5, ended: 4 } }, {}],
  ["unnoticed gap", {}, { gapsUnnoticed: 1 }],
  ["unnoticed gap", {}, { malformed: 1 }],
  ["session was lost", {}, { lost: 1 }],
])("fails the check of %s for %o %o, and no other", (name, totals, changed) => {
  expect(failed(totals, changed)).toEqual([expect.stringContaining(name)]);
});
