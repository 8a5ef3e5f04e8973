import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareBytes } from "./bytes.ts";
import {
  type HexTrack,
  lastSeen,
  type TrackedEvent,
  type TrackedState,
  unseen,
  withEvent,
  withState,
} from "./hex-track.ts";
import { foldReader, type ViewReader } from "./view-reader.ts";

/** A view that is the list of all that ever happened: any wrong step shows. */
const listReader = foldReader<readonly number[]>({
  reads: [{ type: "test.List", version: 1 }],
  decode: (bytes) => JSON.parse(new TextDecoder().decode(bytes)) as number[],
  apply: (view, event) =>
    event.type === "evt.test.obscure"
      ? undefined
      : [...view, event.payload[0]! * 256 + event.payload[1]!],
  agrees: (a, b) => JSON.stringify(a) === JSON.stringify(b),
});

/** What really happened in a hex: activations with their events, each event a number of its own. */
interface Truth {
  readonly events: readonly TrackedEvent[];
  /** Everything up to a place. */
  viewAt(activationId: Uint8Array, viewSeq: number): number[];
  stateAt(index: number): TrackedState;
}

const activation = (nth: number): Uint8Array => new Uint8Array(16).fill(nth + 1);

/** `lengths`: events of each activation. */
function truthOf(lengths: readonly number[]): Truth {
  const events: TrackedEvent[] = [];
  lengths.forEach((length, nth) => {
    for (let seq = 1; seq <= length; seq++) {
      const id = events.length;
      events.push({
        activationId: activation(nth),
        viewSeq: seq,
        hexVersion: id + 1,
        type: "evt.test.happened",
        messageVersion: 1,
        payload: new Uint8Array([id >> 8, id & 255]),
        tsMs: id,
      });
    }
  });
  const viewAt = (activationId: Uint8Array, viewSeq: number): number[] =>
    events.flatMap((event, id) => {
      const order = compareBytes(event.activationId, activationId);
      return order < 0 || (order === 0 && event.viewSeq <= viewSeq) ? [id] : [];
    });
  return {
    events,
    viewAt,
    stateAt(index) {
      const { activationId, viewSeq, hexVersion } = events[index]!;
      const view = new TextEncoder().encode(JSON.stringify(viewAt(activationId, viewSeq)));
      return { activationId, viewSeq, hexVersion, view, viewType: "test.List" };
    },
  };
}

type Delivery = { readonly kind: "event" | "state"; readonly at: number };

const scenarios = fc
  .array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 3 })
  .chain((lengths) => {
    const count = lengths.reduce((sum, length) => sum + length, 0);
    const inOrder = fc.constant(Array.from({ length: count }, (_, at) => at));
    // Mostly in order, as a network does it, with what a bad one adds: drops, repetitions, swaps, states.
    const disturbed = fc
      .tuple(
        inOrder,
        fc.array(
          fc.record({
            what: fc.constantFrom("drop", "repeat", "swap", "state", "old"),
            at: fc.nat({ max: count - 1 }),
          }),
          { maxLength: 8 },
        ),
      )
      .map(([order, faults]) => {
        const deliveries: Delivery[] = order.map((at) => ({ kind: "event", at }));
        deliveries.unshift({ kind: "state", at: 0 });
        for (const { what, at } of faults) {
          const i = Math.min(at + 1, deliveries.length - 1);
          const item = deliveries[i];
          const next = deliveries[i + 1];
          if (item === undefined) continue;
          if (what === "drop") deliveries.splice(i, 1);
          else if (what === "repeat") deliveries.splice(i, 0, item);
          else if (what === "swap" && next !== undefined) deliveries.splice(i, 2, next, item);
          else if (what === "state") deliveries.splice(i, 0, { kind: "state", at });
          else if (what === "old") deliveries.push(item);
        }
        return deliveries;
      });
    return fc.record({ lengths: fc.constant(lengths), deliveries: disturbed });
  });

function play(truth: Truth, deliveries: readonly Delivery[]) {
  let track: HexTrack<readonly number[]> = unseen;
  let gaps = 0;
  let unnoticed = 0;
  for (const { kind, at } of deliveries) {
    const step =
      kind === "state"
        ? withState(track, truth.stateAt(at), listReader)
        : withEvent(track, truth.events[at]!, listReader);
    track = step.track;
    if (step.finding.kind === "gap") gaps++;
    if (step.finding.kind === "state" && step.finding.disagreed) unnoticed++;
    if (track.mode === "live") {
      expect(track.seen.view).toEqual(truth.viewAt(track.activationId, track.seen.viewSeq));
    }
  }
  return { track, gaps, unnoticed };
}

describe("hex track", () => {
  test("whatever is dropped, repeated or swapped, a live view is the truth of its place", () => {
    fc.assert(
      fc.property(scenarios, ({ lengths, deliveries }) => {
        const { unnoticed } = play(truthOf(lengths), deliveries);
        expect(unnoticed).toBe(0);
      }),
      { numRuns: 2000 },
    );
  });

  test("control: a fold that ignores the numbers is caught by the same property", () => {
    const careless: ViewReader<readonly number[], unknown> = listReader;
    const truth = truthOf([5]);
    let track: HexTrack<readonly number[]> = withState(unseen, truth.stateAt(0), listReader).track;
    for (const at of [1, 3]) {
      const event = {
        ...truth.events[at]!,
        viewSeq: track.mode === "live" ? track.seen.viewSeq + 1 : 0,
      };
      track = withEvent(track, event, careless).track;
    }
    expect(track.mode === "live" && track.seen.view).not.toEqual(truth.viewAt(activation(0), 3));
    // And the state of the place that it believes to be at gives it away.
    const step = withState(track, truth.stateAt(2), listReader);
    expect(step.finding).toEqual({ kind: "state", disagreed: true });
  });

  test("a single lost event is noticed by the next, and a state heals it", () => {
    const truth = truthOf([4]);
    const { track, gaps } = play(truth, [
      { kind: "state", at: 0 },
      { kind: "event", at: 2 },
      { kind: "event", at: 3 },
    ]);
    expect([track.mode, gaps]).toEqual(["waiting", 1]);
    const healed = withState(track, truth.stateAt(3), listReader).track;
    expect(healed.mode === "live" && healed.seen.view).toEqual([0, 1, 2, 3]);
  });

  test("behind an event that the fold cannot tell, events are told while they are whole, and a state ends it", () => {
    const truth = truthOf([5, 1]);
    const obscure = { ...truth.events[1]!, type: "evt.test.obscure" };
    const { track } = play(truth, [{ kind: "state", at: 0 }]);
    const first = withEvent(track, obscure, listReader);
    expect([first.track.mode, first.finding.kind]).toEqual(["behind", "unfolded"]);
    expect(lastSeen(first.track)?.view).toEqual([0]);
    const next = withEvent(first.track, truth.events[2]!, listReader);
    expect([next.track.mode, next.finding.kind]).toEqual(["behind", "unfolded"]);
    expect(withEvent(next.track, truth.events[2]!, listReader).finding.kind).toBe("repeated");
    for (const [at, cause] of [
      [4, "hole"],
      [5, "activation"],
    ] as const) {
      const lost = withEvent(next.track, truth.events[at]!, listReader);
      expect(lost.finding).toEqual({ kind: "gap", cause });
      expect([lost.track.mode, lastSeen(lost.track)?.view]).toEqual(["waiting", [0]]);
    }
    const { track: healed, finding } = withState(next.track, truth.stateAt(2), listReader);
    expect([healed.mode, finding]).toEqual(["live", { kind: "state", disagreed: false }]);
    expect(withEvent(healed, truth.events[3]!, listReader).finding.kind).toBe("event");
  });

  test("another activation is a gap when it is newer, and passed over when it is older", () => {
    const truth = truthOf([2, 2]);
    const { track } = play(truth, [{ kind: "state", at: 1 }]);
    expect(withEvent(track, truth.events[2]!, listReader).finding).toEqual({
      kind: "gap",
      cause: "activation",
    });
    const { track: later } = play(truth, [{ kind: "state", at: 2 }]);
    expect(withEvent(later, truth.events[1]!, listReader).finding).toEqual({ kind: "repeated" });
  });

  test("a hex version that goes back is never followed", () => {
    const truth = truthOf([3]);
    const { track } = play(truth, [{ kind: "state", at: 1 }]);
    const event = { ...truth.events[2]!, hexVersion: 1 };
    expect(withEvent(track, event, listReader).finding).toEqual({
      kind: "gap",
      cause: "version-back",
    });
  });
});
