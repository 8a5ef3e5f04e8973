import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { take } from "./bucket.ts";
import {
  repeatedMs,
  reportOf,
  speak,
  type Speaker,
  type SpeakerRules,
  type Speech,
} from "./speaker.ts";

const nowMs = 1_800_000_000_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;
const rules: SpeakerRules = {
  local: { burst: 5, everyMs: 1_000 },
  world: { burst: 3, everyMs: 10_000 },
  whisper: { burst: 10, everyMs: 1_000 },
  newPartnersPerHour: 20,
  worldMinAgeMs: 10 * minuteMs,
};
const anna: Speaker = {
  account: "anna",
  name: "Anna",
  registeredMs: nowMs - hourMs,
  hex: "861f1d48fffffff",
  hasEntered: true,
  localFullMs: 0,
  worldFullMs: 0,
  whisperFullMs: 0,
  reportFullMs: 0,
  tooFastMs: [],
  said: [],
  mutedUntilMs: 0,
  muteReason: "",
  autoMutes: 0,
  takesWhispers: true,
};
let hashes = 0n;
const speech = (kind: Speech["kind"], fields: Partial<Speech> = {}): Speech => ({
  kind,
  hash: ++hashes,
  isNewPartner: false,
  openedMs: [],
  ...fields,
});

/** Says as many things at once; what became of each, and the speaker. */
function burst(speaker: Speaker, kind: Speech["kind"], count: number, atMs = nowMs) {
  const said: string[] = [];
  let after = speaker;
  for (let n = 0; n < count; n++) {
    const decided = speak(after, speech(kind), rules, atMs);
    after = decided.speaker;
    said.push(decided.kind === "said" ? "said" : `${decided.reason} ${decided.retryAfterMs}`);
  }
  return { said, after };
}

describe("a bucket", () => {
  it.each([
    ["hex", 5, 1_000],
    ["world", 3, 10_000],
    ["whisper", 10, 1_000],
  ] as const)("of %s lets %i through, and the next one after %i ms", (kind, count, everyMs) => {
    const { said, after } = burst(anna, kind, count + 1);
    expect(said).toEqual([...Array(count).fill("said"), `too-fast ${everyMs}`]);
    const early = speak(after, speech(kind), rules, nowMs + everyMs - 1);
    expect(early).toMatchObject({ reason: "too-fast", retryAfterMs: 1 });
    expect(speak(after, speech(kind), rules, nowMs + everyMs).kind).toBe("said");
  });

  it("holds what a counter of tokens would, and says to the millisecond when there is one", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20_000 }),
        fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 100 }),
        (size, everyMs, pauses) => {
          // Whole milliseconds of tokens, so that the reference does not round either.
          let tokensMs = size * everyMs;
          let fullMs = 0;
          let atMs = nowMs;
          for (const pause of pauses) {
            atMs += pause;
            tokensMs = Math.min(tokensMs + pause, size * everyMs);
            const taken = take(fullMs, atMs, { burst: size, everyMs });
            if (tokensMs >= everyMs) {
              tokensMs -= everyMs;
              expect(taken.kind).toBe("taken");
              if (taken.kind === "taken") ({ fullMs } = taken);
            } else {
              expect(taken).toEqual({ kind: "empty", waitMs: everyMs - tokensMs });
            }
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("makes nobody wait for a clock that was set back", () => {
    const { after } = burst(anna, "world", 3, nowMs + 100 * hourMs);
    expect(speak(after, speech("world"), rules, nowMs)).toMatchObject({
      reason: "too-fast",
      retryAfterMs: 10_000,
    });
  });
});

describe("who speaks", () => {
  it("does not repeat itself within 30 s, in one channel", () => {
    const first = speak(anna, speech("hex", { hash: 7n }), rules, nowMs);
    const again = speak(first.speaker, speech("hex", { hash: 7n }), rules, nowMs + 10_000);
    expect(again).toMatchObject({ reason: "repeated", retryAfterMs: 20_000 });
    expect(speak(again.speaker, speech("hex", { hash: 8n }), rules, nowMs + 10_000).kind).toBe(
      "said",
    );
    const later = speak(first.speaker, speech("hex", { hash: 7n }), rules, nowMs + repeatedMs);
    expect(later.kind).toBe("said");
  });

  it("lives somewhere, to speak there", () => {
    expect(speak({ ...anna, hex: undefined }, speech("hex"), rules, nowMs)).toMatchObject({
      reason: "no-residence",
    });
    expect(speak({ ...anna, hex: undefined }, speech("world"), rules, nowMs).kind).toBe("said");
  });

  it("speaks to the world at ten minutes, when it has been in it", () => {
    const young = { ...anna, registeredMs: nowMs - 10 * minuteMs + 1 };
    expect(speak(young, speech("world"), rules, nowMs)).toMatchObject({
      reason: "too-new",
      retryAfterMs: 1,
    });
    expect(speak(young, speech("world"), rules, nowMs + 1).kind).toBe("said");
    expect(speak(young, speech("hex"), rules, nowMs).kind).toBe("said");
    for (const unknown of [{ registeredMs: undefined }, { hasEntered: false }]) {
      expect(speak({ ...anna, ...unknown }, speech("world"), rules, nowMs)).toMatchObject({
        reason: "too-new",
        retryAfterMs: 0,
      });
    }
    const lax = { ...rules, worldMinAgeMs: 0 };
    const nobody = { ...anna, registeredMs: undefined, hasEntered: false };
    expect(speak(nobody, speech("world"), lax, nowMs).kind).toBe("said");
  });

  it("begins to whisper with twenty others in any hour", () => {
    const openedMs = Array.from({ length: 20 }, (_, n) => nowMs - n * minuteMs);
    const open = (count: number) =>
      speak(
        anna,
        speech("whisper", { isNewPartner: true, openedMs: openedMs.slice(0, count) }),
        rules,
        nowMs,
      );
    expect(open(19).kind).toBe("said");
    expect(open(20)).toMatchObject({ reason: "too-fast", retryAfterMs: 41 * minuteMs });
    const known = speech("whisper", { openedMs });
    expect(speak(anna, known, rules, nowMs).kind).toBe("said");
  });

  it("is muted after 20 refusals within 5 min, and twice as long each time, up to a day", () => {
    let speaker = anna;
    let atMs = nowMs;
    const mutes: number[] = [];
    for (let round = 0; round < 12; round++) {
      const { said, after } = burst(speaker, "world", 23, atMs);
      expect(said.filter((word) => word === "said")).toHaveLength(3);
      mutes.push((after.mutedUntilMs - atMs) / minuteMs);
      const until = after.mutedUntilMs;
      expect(speak(after, speech("hex"), rules, atMs)).toMatchObject({
        reason: "muted",
        retryAfterMs: until - atMs,
      });
      expect(speak(after, speech("hex"), rules, until - 1)).toMatchObject({ reason: "muted" });
      expect(speak(after, speech("hex"), rules, until).kind).toBe("said");
      speaker = after;
      atMs = until + 60 * minuteMs;
    }
    expect(mutes).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440, 1440]);
    const { after } = burst(speaker, "world", 23, speaker.mutedUntilMs + 24 * hourMs + 1);
    expect((after.mutedUntilMs - speaker.mutedUntilMs) / minuteMs).toBeCloseTo(24 * 60 + 5);
  });

  it("is not muted for 19, nor for 20 that are further apart", () => {
    expect(burst(anna, "world", 22).after.mutedUntilMs).toBe(0);
    const { after } = burst(anna, "world", 22);
    expect(burst(after, "world", 2, nowMs + 5 * minuteMs).after.mutedUntilMs).toBe(0);
  });

  it("reports ten messages at once, and one a minute", () => {
    let speaker = anna;
    for (let n = 0; n < 10; n++) {
      const reported = reportOf(speaker, nowMs);
      if (reported.kind === "reported") ({ speaker } = reported);
      expect(reported.kind).toBe("reported");
    }
    expect(reportOf(speaker, nowMs)).toEqual({ kind: "too-fast", retryAfterMs: minuteMs });
  });

  it("holds its limits whatever it does: in no time more than a full bucket and what has come since", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            kind: fc.constantFrom("hex" as const, "world" as const, "whisper" as const),
            pauseMs: fc.integer({ min: 0, max: 4_000 }),
            hash: fc.bigInt({ min: 0n, max: 30n }),
          }),
          { maxLength: 300 },
        ),
        (steps) => {
          let speaker = anna;
          let atMs = nowMs;
          const said: Record<Speech["kind"], number> = { hex: 0, world: 0, whisper: 0 };
          for (const { kind, pauseMs, hash } of steps) {
            atMs += pauseMs;
            const decided = speak(speaker, speech(kind, { hash }), rules, atMs);
            ({ speaker } = decided);
            if (decided.kind === "said") said[kind]++;
            else expect(decided.retryAfterMs).toBeGreaterThan(0);
            expect(speaker.tooFastMs.length).toBeLessThan(20);
            expect(speaker.said.length).toBeLessThanOrEqual(256);
          }
          for (const [kind, rule] of [
            ["hex", rules.local],
            ["world", rules.world],
            ["whisper", rules.whisper],
          ] as const) {
            expect(said[kind]).toBeLessThanOrEqual(rule.burst + (atMs - nowMs) / rule.everyMs);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
