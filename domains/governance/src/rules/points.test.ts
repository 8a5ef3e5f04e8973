import fc from "fast-check";
import { expect, it } from "vitest";
import { dayOf, faded, pointsAt, type Points, type Worth, withWorth } from "./points.ts";

/** Ten thousand runs, on a machine that does a dozen other things. */
const msMax = 30_000;

const fade = 977n;
const runs = { numRuns: 10_000 };
const worths = fc.array(
  fc.record({
    value: fc.bigInt({ min: 1n, max: 10n ** 9n }),
    day: fc.integer({ min: 0, max: 60 }),
  }),
  { maxLength: 12 },
);

/** As the table has them: each contribution as it comes, anew from the journal when it comes late. */
function table(journal: readonly Worth[]): Points {
  let state: Points = { points: 0n, day: 0 };
  for (const [at, worth] of journal.entries()) {
    state =
      worth.day >= state.day
        ? withWorth(state, worth, fade)
        : { points: pointsAt(journal.slice(0, at + 1), state.day, fade), day: state.day };
  }
  return state;
}

it("half of what is contributed is left after 30 days", () => {
  expect(faded(1_000_000n, 0, 30, fade)).toBeLessThan(500_000n);
  expect(faded(1_000_000n, 0, 29, fade)).toBeGreaterThan(500_000n);
  expect(faded(100n, 3, 4, fade)).toBe(97n);
  expect(faded(1n, 0, 1, fade)).toBe(0n);
  // All of it, for ever, and at once for a day that is far away.
  expect(faded(5n, 0, 10 ** 9, 1000n)).toBe(5n);
  expect(faded(10n ** 18n, 0, 10 ** 9, fade)).toBe(0n);
});

it("days of world time begin at midnight, UTC", () => {
  const midnight = BigInt(Date.UTC(2027, 3, 5));
  expect([dayOf(midnight - 1n), dayOf(midnight)]).toEqual([20_912, 20_913]);
});

it(
  "points from the journal alone are those of the table, in whatever order contributions came",
  () => {
    fc.assert(
      fc.property(worths, fc.nat(400), (journal, later) => {
        const { points, day } = table(journal);
        const at = day + later;
        expect(faded(points, day, at, fade)).toBe(pointsAt(journal, at, fade));
      }),
      runs,
    );
  },
  msMax,
);

it(
  "who splits what it does over two accounts gains nothing by it",
  () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            first: fc.bigInt({ min: 0n, max: 10n ** 6n }),
            second: fc.bigInt({ min: 0n, max: 10n ** 6n }),
            day: fc.integer({ min: 0, max: 60 }),
          }),
          { maxLength: 10 },
        ),
        fc.integer({ min: 60, max: 160 }),
        (days, at) => {
          const of = (value: (given: (typeof days)[number]) => bigint): bigint =>
            pointsAt(
              days.map((given) => ({ value: value(given), day: given.day })),
              at,
              fade,
            );
          const split = of(({ first }) => first) + of(({ second }) => second);
          expect(split <= of(({ first, second }) => first + second)).toBe(true);
        },
      ),
      runs,
    );
  },
  msMax,
);

it(
  "points never rise with time alone, and never fall below 0",
  () => {
    fc.assert(
      fc.property(worths, fc.nat(100), (journal, days) => {
        const before = pointsAt(journal, 60, fade);
        const after = pointsAt(journal, 60 + days, fade);
        expect(after <= before && after >= 0n).toBe(true);
      }),
      runs,
    );
  },
  msMax,
);

it("a day that is over is not added to: its points have faded", () => {
  const state = { points: 10n, day: 5 };
  expect(() => withWorth(state, { value: 1n, day: 4 }, fade)).toThrow("day 4 is over");
});
