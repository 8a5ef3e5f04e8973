import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PublishOutcome } from "./bus.ts";
import { type GatheredCommand, GatheringLane, type GatheringLimits } from "./gathering.ts";

interface TestCommand extends GatheredCommand {
  readonly name: string;
}

function command(name: string, orderKey = name, bytes = 10): TestCommand {
  return { name, orderKey, envelope: new Uint8Array(bytes) };
}

/** A lane whose publishes are resolved, and whose timers are fired, by hand. */
function laneOf(limits: Partial<GatheringLimits> = {}) {
  const published: { names: string[]; finish: (outcome: PublishOutcome) => Promise<void> }[] = [];
  const failed: [string[], string][] = [];
  const timers: { ms: number; run: () => void; cancelled: boolean }[] = [];
  const lane = new GatheringLane<TestCommand>(
    {
      publish: (commands) =>
        new Promise((resolve) => {
          published.push({
            names: commands.map((c) => c.name),
            finish: async (outcome) => {
              resolve(outcome);
              await Promise.resolve();
              await Promise.resolve();
            },
          });
        }),
      failed: (commands, outcome) => failed.push([commands.map((c) => c.name), outcome]),
      delay: (ms, run) => {
        const timer = { ms, run, cancelled: false };
        timers.push(timer);
        return () => (timer.cancelled = true);
      },
    },
    { envelopesMax: 256, bytesMax: 131_072, gatheredMax: 100, openAfterConfirmMs: 100, ...limits },
  );
  return { lane, published, failed, timers };
}

describe("a gathering lane", () => {
  it("sends at once when idle and gathers while a message is unanswered", () => {
    const { lane, published } = laneOf();
    const [a, b, c] = [command("a"), command("b"), command("c")];
    for (const item of [a, b, c]) lane.offer(item);
    expect(published.map((p) => p.names)).toEqual([["a"]]);
    lane.settle(a);
    expect(published.map((p) => p.names)).toEqual([["a"], ["b", "c"]]);
  });

  it("waits for every answer of the last message", () => {
    const { lane, published } = laneOf();
    const [a, b, c, d] = [command("a"), command("b"), command("c"), command("d")];
    lane.offer(a);
    lane.offer(b);
    lane.offer(c);
    lane.settle(a);
    lane.offer(d);
    lane.settle(b);
    expect(published).toHaveLength(2);
    lane.settle(c);
    expect(published.at(-1)?.names).toEqual(["d"]);
  });

  it("opens 100 ms after the confirm although nobody answers, and not before the confirm", async () => {
    const { lane, published, timers } = laneOf();
    lane.offer(command("a"));
    lane.offer(command("b"));
    expect(timers).toHaveLength(0);
    await published[0]!.finish("confirmed");
    expect(timers.map((t) => t.ms)).toEqual([100]);
    expect(published).toHaveLength(1);
    timers[0]!.run();
    expect(published[1]?.names).toEqual(["b"]);
  });

  it("caps a message by envelopes and by bytes, but always takes one", () => {
    const { lane, published } = laneOf({ envelopesMax: 2, bytesMax: 25 });
    const first = command("a");
    lane.offer(first);
    const rest = [command("b"), command("c"), command("d"), command("e", "e", 1000), command("f")];
    for (const item of rest) lane.offer(item);
    let current = [first];
    while (current.length > 0) {
      const before = published.length;
      for (const item of current) lane.settle(item);
      current = rest.filter((item) =>
        published.slice(before).some((p) => p.names.includes(item.name)),
      );
    }
    expect(published.map((p) => p.names)).toEqual([["a"], ["b", "c"], ["d"], ["e"], ["f"]]);
  });

  it("fails a refused message together with what gathered behind it for the same account and key", async () => {
    const { lane, published, failed } = laneOf();
    lane.offer(command("a1", "a"));
    lane.offer(command("b1", "b"));
    lane.offer(command("a2", "a"));
    await published[0]!.finish("refused");
    expect(failed).toEqual([[["a1", "a2"], "refused"]]);
    expect(published.at(-1)?.names).toEqual(["b1"]);
  });

  it("refuses more than it may hold", () => {
    const { lane } = laneOf({ gatheredMax: 2 });
    expect(["a", "b", "c", "d"].map((name) => lane.offer(command(name)))).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  it("sends unsettled commands again first after a new connection, and gives back what was never sent", () => {
    const { lane, published } = laneOf();
    const [a, b] = [command("a"), command("b")];
    lane.offer(a);
    lane.offer(b);
    expect(lane.hold()).toEqual([b]);
    expect(lane.offer(command("c"))).toBe(false);
    lane.reopen();
    expect(published.map((p) => p.names)).toEqual([["a"], ["a"]]);
    lane.offer(command("d"));
    lane.settle(a);
    expect(published.at(-1)?.names).toEqual(["d"]);
  });

  it("never sends a command twice, nor out of order, on one connection", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constant("offer"), fc.nat(20)), { maxLength: 200 }),
        (steps) => {
          const { lane, published } = laneOf({ envelopesMax: 3 });
          const open: TestCommand[] = [];
          let next = 0;
          for (const step of steps) {
            if (step === "offer") {
              const item = command(String(next++));
              if (lane.offer(item)) open.push(item);
            } else {
              const sent = new Set(published.flatMap((p) => p.names));
              const settleable = open.filter((item) => sent.has(item.name));
              const item = settleable[step % Math.max(settleable.length, 1)];
              if (item !== undefined) {
                lane.settle(item);
                open.splice(open.indexOf(item), 1);
              }
            }
          }
          const order = published.flatMap((p) => p.names).map(Number);
          expect(order).toEqual(order.toSorted((x, y) => x - y));
          expect(new Set(order).size).toBe(order.length);
        },
      ),
    );
  });
});
