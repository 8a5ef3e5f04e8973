import { hexAt } from "@hexhold/hex";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { judgeReport, nextStep, placeToLook } from "./presence-rules.ts";

const here = { hexId: hexAt(52.52, 13.405), layerId: 0 };
const there = { hexId: hexAt(48.1, 11.6), layerId: 0 };

describe("a report", () => {
  it("is taken when it follows on the last one, or begins a list", () => {
    expect(judgeReport({ number: 4 }, { number: 5, listBegins: false })).toBe("take");
    expect(judgeReport({ number: 4 }, { number: 9, listBegins: true })).toBe("take");
    expect(judgeReport({ number: 0 }, { number: 9, listBegins: true })).toBe("take");
  });

  it("that was taken already has no effect", () => {
    expect(judgeReport({ number: 5 }, { number: 5, listBegins: true })).toBe("repeated");
    expect(judgeReport({ number: 5 }, { number: 3, listBegins: false })).toBe("repeated");
  });

  it("of a gateway that is not known, or after a lost one, is answered with the wish for a list", () => {
    expect(judgeReport({ number: 0 }, { number: 1, listBegins: false })).toBe("list-wanted");
    expect(judgeReport({ number: 5 }, { number: 7, listBegins: false })).toBe("list-wanted");
  });

  it("whatever is lost, repeated or late: what is taken without a list has no hole before it", () => {
    const arrival = fc.record({
      number: fc.integer({ min: 1, max: 12 }),
      listBegins: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 40 }), (arrivals) => {
        let known = 0;
        for (const report of arrivals) {
          if (judgeReport({ number: known }, report) !== "take") continue;
          if (!report.listBegins) expect(report.number).toBe(known + 1);
          expect(report.number).toBeGreaterThan(known);
          known = report.number;
        }
      }),
    );
  });
});

describe("a presence that is to be ended", () => {
  it("is looked for where it was heard of, then where its account lives, in turn", () => {
    const places = { heard: here, residence: there };
    expect([0, 1, 2].map((tries) => placeToLook({ ...places, tries }))).toEqual([
      here,
      there,
      here,
    ]);
    expect(placeToLook({ heard: undefined, residence: there, tries: 0 })).toEqual(there);
    expect(placeToLook({ heard: here, residence: undefined, tries: 1 })).toEqual(here);
    expect(placeToLook({ heard: undefined, residence: undefined, tries: 0 })).toBeUndefined();
  });

  const refused = (reason: string, wentTo = undefined as typeof here | undefined) =>
    ({ case: "refused", reason, wentTo }) as const;

  it("is settled by its end, and by what says that there is none", () => {
    expect(nextStep({ case: "applied" }, 3)).toEqual({ case: "settled", outcome: "ended" });
    for (const outcome of ["already-offline", "replaced"]) {
      expect(nextStep(refused(outcome), 0)).toEqual({ case: "settled", outcome });
    }
  });

  it("is followed to where the player went, at once; one in transit is waited for", () => {
    const followed = nextStep(refused("not-resident", there), 3);
    expect(followed).toMatchObject({ case: "anew", delayMs: 0, tries: 0, heard: there });
    // Where it is going to, it may never arrive.
    const waited = nextStep(refused("in-transit", there), 3);
    expect(waited).toEqual({
      reason: "in-transit",
      case: "anew",
      delayMs: 1000,
      tries: 3,
    });
  });

  it("is sent under the same request until its outcome is certain, and under another one after a refusal", () => {
    expect(nextStep({ case: "unsure" }, 3)).toEqual({ case: "again", delayMs: 1000 });
    for (const answer of [refused("not-resident"), { case: "failed", reason: "x" } as const]) {
      const waits = [0, 1, 5, 6, 99].map((tries) => nextStep(answer, tries));
      expect(waits).toMatchObject(
        [1000, 2000, 32_000, 60_000, 60_000].map((delayMs) => ({ case: "anew", delayMs })),
      );
    }
  });
});
