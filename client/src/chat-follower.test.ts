import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ChatFollower, type ReadHistory } from "./chat-follower.ts";
import type { ChatLine, ChatUpdate } from "./chat-outlet.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const line = (seq: number | bigint): ChatLine => ({
  kind: "said",
  channel: "world",
  seq: BigInt(seq),
  accountId: new Uint8Array(16),
  name: "Anna",
  text: `text ${seq}`,
  atMs: Number(seq),
  isRemoved: false,
});

interface Channel {
  /** Lines that are kept, from `from` to `seq`. */
  from: number;
  seq: number;
  readings: number;
  answer: "page" | "again" | "never";
}

const channelOf = (fields: Partial<Channel> = {}): Channel => ({
  from: 1,
  seq: 0,
  readings: 0,
  answer: "page",
  ...fields,
});

function follow(channel: Channel, options: { backlog?: number; last?: bigint } = {}) {
  const told: string[] = [];
  const refused: string[] = [];
  const readHistory: ReadHistory = (_, before, limit) => {
    channel.readings++;
    if (channel.answer !== "page") {
      return Promise.resolve(
        channel.answer === "again" ? { kind: "again" } : { kind: "never", reason: "not-yours" },
      );
    }
    const newest = before === 0n ? channel.seq : Math.min(Number(before) - 1, channel.seq);
    const lines: ChatLine[] = [];
    for (let seq = newest; seq >= channel.from && lines.length < limit; seq--)
      lines.push(line(seq));
    const oldest = Number(lines.at(-1)?.seq ?? 0);
    return Promise.resolve({
      kind: "page",
      lines,
      nextBefore: oldest > channel.from ? BigInt(oldest) : 0n,
      seq: BigInt(channel.seq),
    });
  };
  const follower = new ChatFollower({
    channel: "world",
    readHistory,
    backlog: options.backlog ?? 3,
    last: options.last,
    tell: (update: ChatUpdate) =>
      void told.push(
        update.kind === "said"
          ? String(update.seq)
          : update.kind === "skipped"
            ? `skipped ${update.from}-${update.to}`
            : update.kind,
      ),
    onNever: (reason) => void refused.push(reason),
  });
  return { follower, told, refused };
}
const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

describe("who follows a channel", () => {
  it("is told the newest lines first, then what is said, in order and once", async () => {
    const channel = channelOf({ seq: 10 });
    const { follower, told } = follow(channel);
    follower.stale();
    await settle();
    expect(told).toEqual(["8", "9", "10"]);
    for (const seq of [11, 11, 10, 12]) follower.said(line(seq));
    expect(told.slice(3)).toEqual(["11", "12"]);
    expect(channel.readings).toBe(1);
  });

  it("waits a moment for what comes late, and reads what does not come", async () => {
    const channel = channelOf();
    const { follower, told } = follow(channel);
    follower.stale();
    await settle();
    channel.seq = 2;
    follower.said(line(2));
    await settle(50);
    follower.said(line(1));
    expect(told).toEqual(["1", "2"]);
    await settle(200);
    const { readings } = channel;
    expect(readings).toBe(1);
    channel.seq = 5;
    follower.said(line(5));
    expect(told).toEqual(["1", "2"]);
    await settle(100);
    expect(told).toEqual(["1", "2", "3", "4", "5"]);
    expect(channel.readings).toBe(readings + 1);
  });

  it("reads after a mark that is ahead, and not after one that is not", async () => {
    const channel = channelOf({ seq: 1 });
    const { follower, told } = follow(channel);
    follower.marked(1n);
    await settle();
    follower.marked(1n);
    await settle(1_000);
    expect(channel.readings).toBe(1);
    channel.seq = 3;
    follower.marked(3n);
    await settle(100);
    expect(told).toEqual(["1", "2", "3"]);
  });

  it("keeps what is said while it reads", async () => {
    const channel = channelOf({ seq: 4 });
    const { follower, told } = follow(channel);
    follower.stale();
    follower.said(line(5));
    follower.said(line(6));
    channel.seq = 4;
    await settle();
    expect(told).toEqual(["2", "3", "4", "5", "6"]);
  });

  it("says which lines it does not tell: those that are not kept, and more than 500", async () => {
    const channel = channelOf({ seq: 1 });
    const { follower, told } = follow(channel);
    follower.stale();
    await settle();
    Object.assign(channel, { from: 6, seq: 8 });
    follower.stale();
    await settle();
    expect(told.splice(0)).toEqual(["1", "skipped 2-5", "6", "7", "8"]);
    channel.seq = 1_000;
    follower.stale();
    await settle();
    expect([told.length, ...told.slice(0, 2), told.at(-1)]).toEqual([
      501,
      "skipped 9-500",
      "501",
      "1000",
    ]);
    Object.assign(channel, { from: 1_101, seq: 1_100 });
    follower.stale();
    await settle();
    expect(told.at(-1)).toBe("skipped 1001-1100");
  });

  it("goes on where it was left", async () => {
    const channel = channelOf({ seq: 5 });
    const { follower, told } = follow(channel, { last: 3n });
    follower.stale();
    await settle();
    expect(told).toEqual(["4", "5"]);
    expect(follower.last).toBe(5n);
  });

  it("tries again when it cannot read, and ends when it may not", async () => {
    const channel = channelOf({ seq: 1, answer: "again" });
    const { follower, told, refused } = follow(channel);
    follower.stale();
    await settle(1_000);
    expect(channel.readings).toBeGreaterThan(1);
    channel.answer = "page";
    await settle(5_000);
    expect(told).toEqual(["1"]);
    channel.answer = "never";
    follower.stale();
    await settle(10);
    expect(refused).toEqual(["not-yours"]);
    follower.said(line(2));
    expect(told).toEqual(["1"]);
  });

  it("does not ask again and again for what a server that was set back has not", async () => {
    const channel = channelOf({ seq: 2 });
    const { follower, told } = follow(channel);
    follower.stale();
    await settle();
    follower.said(line(9));
    await settle(60_000);
    expect(channel.readings).toBeLessThan(40);
    expect(told).toEqual(["1", "2"]);
    channel.seq = 8;
    await settle(10_000);
    expect(told).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  });

  it("tells every line once and in order, whatever is lost, late or told twice", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            lost: fc.boolean(),
            late: fc.nat(3),
            twice: fc.boolean(),
            pauseMs: fc.nat(150),
          }),
          {
            maxLength: 40,
          },
        ),
        async (steps) => {
          const channel = channelOf();
          const { follower, told } = follow(channel);
          follower.stale();
          await settle();
          const waiting: { seq: number; at: number }[] = [];
          for (const [n, { lost, late, twice, pauseMs }] of steps.entries()) {
            channel.seq = n + 1;
            if (!lost) waiting.push({ seq: n + 1, at: n + late });
            if (twice) waiting.push({ seq: n + 1, at: n + late + 1 });
            for (const come of waiting.filter(({ at }) => at <= n)) follower.said(line(come.seq));
            waiting.splice(0, waiting.length, ...waiting.filter(({ at }) => at > n));
            await settle(pauseMs);
          }
          // The mark of the last one.
          follower.marked(BigInt(channel.seq));
          await settle(1_000);
          follower.close();
          expect(told).toEqual(steps.map((_, n) => String(n + 1)));
        },
      ),
      { numRuns: 200 },
    );
  });
});
