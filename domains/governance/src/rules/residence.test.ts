import fc from "fast-check";
import { expect, it } from "vitest";
import { type Heard, type Residence, residenceAfter } from "./residence.ts";

/** Ten thousand runs, on a machine that does a dozen other things. */
const msMax = 30_000;

const account = "a";
const heard = (how: Heard["how"], hex: string, number: bigint, atMs: number): Heard => ({
  account,
  how,
  hex,
  number,
  atMs,
});
const after = (...given: readonly Heard[]): Residence | undefined =>
  given.reduce<Residence | undefined>(residenceAfter, undefined);

it(
  "is the hex under the highest number, in whatever order hexes say it",
  () => {
    const life: readonly Heard[] = [
      heard("spawned", "x", 0n, 10),
      heard("entered", "x", 0n, 20),
      heard("arrived", "y", 1n, 30),
      heard("entered", "y", 1n, 40),
      heard("arrived", "x", 2n, 50),
      heard("entered", "x", 2n, 60),
    ];
    fc.assert(
      fc.property(
        fc.shuffledSubarray([...life, ...life], { minLength: 2 * life.length }),
        (shuffled) => {
          expect(after(...shuffled)).toEqual({
            account,
            hex: "x",
            number: 2n,
            sinceMs: 50,
            isExact: true,
          });
        },
      ),
      { numRuns: 10_000 },
    );
  },
  msMax,
);

it("is as old as its arrival, or as the first login that tells of it", () => {
  expect(after(heard("entered", "x", 3n, 70))).toMatchObject({ hex: "x", sinceMs: 70 });
  expect(after(heard("entered", "x", 3n, 70), heard("entered", "x", 3n, 80))).toMatchObject({
    sinceMs: 70,
  });
  expect(after(heard("entered", "x", 3n, 70), heard("arrived", "x", 3n, 60))).toMatchObject({
    sinceMs: 60,
  });
});

it("goes on for who came back from a hex that did not let it in", () => {
  expect(after(heard("spawned", "x", 0n, 10), heard("entered", "x", 1n, 50))).toMatchObject({
    hex: "x",
    number: 1n,
    sinceMs: 10,
  });
});
