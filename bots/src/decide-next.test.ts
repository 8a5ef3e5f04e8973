import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { expect, it } from "vitest";
import { decideNext, type Step, type Surroundings } from "./decide-next.ts";
import { seededRandom } from "./seeded-random.ts";

function steps(seen: Surroundings, seed: number, count = 300): Step[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => decideNext(seen, random));
}

const rich: Surroundings = {
  stocks: [
    { resource: Resource.WOOD, amount: 5 },
    { resource: Resource.STONE, amount: 90 },
  ],
  neighbours: 6,
};

it("does the same for the same seed, and something else for another", () => {
  expect(steps(rich, 7)).toEqual(steps(rich, 7));
  expect(steps(rich, 7)).not.toEqual(steps(rich, 8));
});

it("gathers of what there is most, and walks now and then", () => {
  const taken = steps(rich, 1);
  const gathered = taken.filter((step) => step.kind === "gather");
  expect(gathered.every(({ resource }) => resource === Resource.STONE)).toBe(true);
  expect(new Set(gathered.map(({ amount }) => amount))).toEqual(new Set([1, 2, 3]));
  const walks = taken.filter(({ kind }) => kind === "walk").length;
  expect(walks).toBeGreaterThan(50);
  expect(walks).toBeLessThan(150);
});

it("gathers no more than it sees, and nothing before it sees anything", () => {
  const poor: Surroundings = { stocks: [{ resource: Resource.FOOD, amount: 1 }], neighbours: 6 };
  for (const step of steps(poor, 2)) {
    if (step.kind === "gather") expect(step.amount).toBe(1);
  }
  const bare: Surroundings = { stocks: [{ resource: Resource.FOOD, amount: 0 }], neighbours: 6 };
  for (const seen of [bare, { stocks: [], neighbours: 6 }]) {
    expect(steps(seen, 3).some(({ kind }) => kind === "gather")).toBe(false);
  }
});

it("walks to whole numbers that lie inside every hex, in all directions", () => {
  const walks = steps({ stocks: [], neighbours: 6 }, 4).filter((step) => step.kind === "walk");
  for (const { x, y } of walks) {
    expect(Number.isInteger(x) && Number.isInteger(y)).toBe(true);
    // The rule of the reference game.
    expect(866 * Math.abs(y) + 500 * Math.abs(x)).toBeLessThanOrEqual(1_000_000);
    expect(Math.abs(x)).toBeLessThanOrEqual(1000);
  }
  for (const sign of [-1, 1]) {
    expect(walks.some(({ x }) => x * sign > 300)).toBe(true);
    expect(walks.some(({ y }) => y * sign > 300)).toBe(true);
  }
});

it("crosses every side now and then, and sooner where nothing lies", () => {
  const sidesOf = (seen: Surroundings): number[] =>
    steps(seen, 5).flatMap((step) => (step.kind === "cross" ? [step.side] : []));
  const bare = { stocks: [{ resource: Resource.FOOD, amount: 0 }], neighbours: 5 };
  expect(sidesOf(rich).length).toBeLessThan(30);
  expect(sidesOf(bare).length).toBeGreaterThan(40);
  expect(new Set(sidesOf(bare))).toEqual(new Set([0, 1, 2, 3, 4]));
});

it("brings what it carries to the site, gathers what that wants, and plans where it may", () => {
  const siteId = new Uint8Array(16).fill(1);
  const wanted = [
    { resource: Resource.WOOD, room: 4 },
    { resource: Resource.FOOD, room: 40 },
  ];
  const withLand = (carried: [Resource, number][], more: object = {}): Step[] =>
    steps(
      {
        ...rich,
        land: { site: { siteId, wanted }, mayPlan: false, carried: new Map(carried), ...more },
      },
      6,
    );
  const brought = (all: Step[]) => all.filter((step) => step.kind === "contribute");
  // No more than fits, nor than it has, nor than ten.
  expect(brought(withLand([[Resource.WOOD, 9]]))[0]).toMatchObject({ amount: 4, siteId });
  expect(brought(withLand([[Resource.FOOD, 3]]))[0]).toMatchObject({ amount: 3 });
  expect(brought(withLand([[Resource.FOOD, 30]]))[0]).toMatchObject({ amount: 10 });
  expect(brought(withLand([[Resource.STONE, 30]]))).toEqual([]);
  const gathered = withLand([]).filter((step) => step.kind === "gather");
  expect(new Set(gathered.map(({ resource }) => resource))).toEqual(new Set([Resource.WOOD]));
  const planned = withLand([], { site: undefined, mayPlan: true });
  expect(planned.some(({ kind }) => kind === "plan")).toBe(true);
  expect(withLand([], { site: undefined }).some(({ kind }) => kind === "plan")).toBe(false);
  // Without a site a little goes to the hex.
  const given = brought(withLand([[Resource.STONE, 30]], { site: undefined }));
  expect(given.length).toBeGreaterThan(0);
  expect(given.length).toBeLessThan(30);
  expect(given[0]).toEqual({ kind: "contribute", resource: Resource.STONE, amount: 10 });
});
