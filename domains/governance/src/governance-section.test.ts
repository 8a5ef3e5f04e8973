import { expect, it } from "vitest";
import { governanceSection } from "./governance-section.ts";

const faults = (given: unknown): string[] => {
  const { error } = governanceSection.safeParse(given);
  return error?.issues.map(({ path }) => path.join(".")) ?? [];
};

it("has elections of a day, terms of four weeks, and ages that keep crowds out", () => {
  const day = 86_400_000;
  expect(governanceSection.parse({})).toMatchObject({
    enabled: true,
    electionMs: day,
    termMs: 28 * day,
    coolMs: day,
    inactiveMs: 14 * day,
    residenceMs: day,
    accountAgeMs: 3 * day,
    quorumPerMille: 300,
    headsMin: 3,
    callMin: 100,
    fadePerMille: 977,
  });
  expect(faults({ coolMs: 0, residenceMs: 0, accountAgeMs: 0, headsMin: 1 })).toEqual([]);
});

it("says every fault, by the name of its option", () => {
  const given = {
    electionMs: 999,
    termMs: 0,
    coolMs: -1,
    inactiveMs: -1,
    residenceMs: 0.5,
    accountAgeMs: -1,
    quorumPerMille: 1_001,
    headsMin: 0,
    callMin: -1,
    fadePerMille: 1_001,
  };
  expect(faults(given)).toEqual(Object.keys(given));
  expect(faults({ quorum: 1 })).toEqual([""]);
});
