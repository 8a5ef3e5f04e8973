import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type SlotState,
  free,
  granting,
  grantFailed,
  grantLost,
  holderDied,
  holderOf,
  isServed,
  leftOut,
  newSlot,
  releasing,
  remembered,
  reported,
  reserved,
  rowRead,
  timePassed,
} from "./slot-state.ts";

const ttlMs = 10_000;
const a = "worker-1#a";
const b = "worker-2#b";
const held = (holder: string, epoch: bigint, untilMs = 10_000) =>
  ({ mode: "held", holder, epoch, stalled: false, untilMs }) as const;
const granted: SlotState = { mode: "granted", holder: a, untilMs: 5_000 };
const report = (
  state: SlotState,
  holder: string,
  epoch: bigint,
  trueEpoch: bigint,
  more: { readonly stalled?: boolean; readonly nowMs?: number } = {},
) =>
  reported(
    state,
    { holder, epoch, stalled: more.stalled ?? false },
    trueEpoch,
    more.nowMs ?? 1_000,
    ttlMs,
  );

describe("a report", () => {
  test("of the one to whom it was granted makes it held, with an epoch that nobody has read yet", () => {
    expect(report(granted, a, 8n, 7n)).toEqual({ state: held(a, 8n, 11_000), verdict: "held" });
  });

  test("extends what is held by one TTL", () => {
    expect(report(held(a, 8n), a, 8n, 8n, { nowMs: 4_000 }).state).toEqual(held(a, 8n, 14_000));
  });

  test("that is stalled extends nothing: at the end the slot is free", () => {
    const { state, verdict } = report(held(a, 8n), a, 8n, 8n, { nowMs: 4_000, stalled: true });
    expect(verdict).toBe("held");
    expect(state).toEqual({ ...held(a, 8n), stalled: true });
    expect(isServed(state)).toBe(false);
    expect(timePassed(state, 10_000)).toEqual(free("expired", a));
  });

  test("that is stalled brings nothing back that has ended", () => {
    const ended = free("expired", a);
    expect(report(ended, a, 8n, 8n, { stalled: true })).toEqual({
      state: ended,
      verdict: "ignored",
    });
  });

  test("with an epoch below the true one is fenced and changes nothing", () => {
    for (const state of [held(a, 8n), held(b, 9n), newSlot, granted]) {
      expect(report(state, a, 8n, 9n)).toEqual({ state, verdict: "fenced" });
    }
  });

  test("of the true owner makes it held again, whatever a router that has forgotten thinks", () => {
    const reserved: SlotState = { mode: "reserved", holder: b, untilMs: 5_000 };
    for (const state of [free("expired", a), reserved, held(b, 7n)]) {
      expect(report(state, a, 8n, 8n)).toMatchObject({ verdict: "held", state: { holder: a } });
    }
  });

  test("of the true owner waits while another is about to take the slot", () => {
    expect(report(granted, b, 8n, 8n)).toEqual({ state: granted, verdict: "ignored" });
  });

  test("with an epoch that nobody has read, by one to whom nothing was granted, is not believed", () => {
    expect(report(newSlot, a, 8n, 7n)).toEqual({ state: newSlot, verdict: "ignored" });
  });

  test("while it is asked to let go keeps the time by which it must have", () => {
    const asked = releasing(held(a, 8n), 3_000);
    const { state } = report(asked, a, 8n, 8n, { nowMs: 2_000 });
    expect(state).toMatchObject({ mode: "releasing", askedUntilMs: 3_000, untilMs: 12_000 });
    expect(timePassed(state, 3_000)).toEqual(free("unanswered", a));
  });
});

test("a slot that its holder names no more is free at once, one that it has not seen yet is not", () => {
  expect(leftOut(held(a, 8n), a)).toEqual(free("dropped", a));
  expect(leftOut(releasing(held(a, 8n), 3_000), a)).toEqual(free("dropped", a));
  expect(leftOut(held(b, 8n), a)).toEqual(held(b, 8n));
  expect(leftOut(granted, a)).toBe(granted);
});

test("what a router that has forgotten keeps for somebody is free when it says that it does not have it", () => {
  const reserved: SlotState = { mode: "reserved", holder: a, untilMs: 5_000 };
  expect(leftOut(reserved, a)).toEqual(free("not-taken", a));
  expect(leftOut(reserved, b)).toBe(reserved);
});

test("a grant to one that listens no more is free at once; what it holds stays", () => {
  const preparing: SlotState = granting(free("dropped", b), a);
  for (const state of [granted, preparing]) {
    expect(grantLost(state, a)).toEqual(free("not-taken", a));
    expect(grantLost(state, b)).toBe(state);
  }
  expect(grantLost(held(a, 8n), a)).toEqual(held(a, 8n));
});

test("a grant that is not taken in time is free again", () => {
  expect(timePassed(granted, 4_999)).toBe(granted);
  expect(timePassed(granted, 5_000)).toEqual(free("not-taken", a));
});

test("the dead lose everything at once, the others nothing", () => {
  for (const state of [granted, held(a, 8n), releasing(held(a, 8n), 1)]) {
    expect(holderDied(state, a)).toEqual(free("dead", a));
    expect(holderDied(state, b)).toBe(state);
  }
});

test("what is reserved is taken to be served, what is granted is not yet", () => {
  expect(isServed({ mode: "reserved", holder: a, untilMs: 1 })).toBe(true);
  expect(isServed(granted)).toBe(false);
  expect(isServed(newSlot)).toBe(false);
});

test("whatever happens: held only by who reported an epoch not below the true one, and never past its time", () => {
  const step = fc.record({
    kind: fc.constantFrom("report", "leave", "die", "tick"),
    holder: fc.constantFrom(a, b),
    epoch: fc.bigInt(1n, 5n),
    forMs: fc.nat(6_000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let state: SlotState = newSlot;
      let nowMs = 0;
      let trueEpoch = 0n;
      for (const { kind, holder, epoch, forMs } of steps) {
        nowMs += forMs;
        state = timePassed(state, nowMs);
        if (state.mode === "free" && kind === "tick") {
          state = { mode: "granted", holder, untilMs: nowMs + 5_000 };
        }
        if (kind === "leave") state = leftOut(state, holder);
        if (kind === "die") state = holderDied(state, holder);
        if (kind === "report") {
          const before = holderOf(state);
          const result = report(state, holder, epoch, trueEpoch, { nowMs });
          state = result.state;
          if (result.verdict === "held") {
            expect(epoch).toBeGreaterThanOrEqual(trueEpoch);
            expect(epoch === trueEpoch || before === holder).toBe(true);
            trueEpoch = epoch;
          }
        }
        if (state.mode === "held") expect(state.untilMs).toBeGreaterThan(nowMs);
      }
    }),
  );
});

describe("a row of PostgreSQL", () => {
  const row = (owner: string, epoch: bigint) => ({ owner, epoch });

  test("with another owner and a later epoch reserves what was held for that owner", () => {
    for (const state of [held(a, 8n), releasing(held(a, 8n), 3_000)]) {
      expect(rowRead(state, row(b, 9n), undefined, false, 7_000)).toEqual(reserved(b, 7_000));
    }
    expect(rowRead(granted, row(b, 9n), 8n, true, 7_000)).toEqual(reserved(b, 7_000));
  });

  test("of one that has gone frees a grant that can no longer be taken", () => {
    expect(rowRead(granted, row(b, 9n), 8n, false, 7_000)).toEqual(free("not-taken", b));
  });

  test("with the same owner or no later epoch changes nothing, and nor does any row of what is free", () => {
    for (const state of [held(a, 8n), granted]) {
      expect(rowRead(state, row(a, 9n), 8n, true, 7_000)).toBe(state);
      expect(rowRead(state, row(b, 8n), 8n, true, 7_000)).toBe(state);
    }
    for (const state of [newSlot, reserved(a, 5_000), granting(newSlot, a)]) {
      expect(rowRead(state, row(b, 9n), 8n, true, 7_000)).toBe(state);
    }
  });
});

test("a router that begins reserves what a lease or an unreleased row names, and nothing else", () => {
  const lease = { holder: a, ttlMs: 3_000 };
  const row = { owner: a, released: false };
  const at = (stored: Parameters<typeof remembered>[0]) => remembered(stored, 1_000, ttlMs);
  expect(at({ row: undefined, lease: undefined })).toBe(newSlot);
  expect(at({ row: { ...row, released: true }, lease: undefined })).toBe(newSlot);
  expect(at({ row, lease: undefined })).toEqual(reserved(a, 11_000));
  expect(at({ row: { owner: b, released: true }, lease })).toEqual(reserved(a, 4_000));
  expect(at({ row: { ...row, released: true }, lease })).toEqual(free("dropped", a));
});

test("a grant that fails leaves the slot as it was", () => {
  const before = free("expired", b);
  expect(grantFailed(granting(before, a))).toBe(before);
});
