import { expect, it } from "vitest";
import { type ChatUpdate, Outlet } from "./chat-outlet.ts";

const line = (seq: number, channel = "world"): ChatUpdate => ({
  kind: "said",
  channel,
  seq: BigInt(seq),
  accountId: new Uint8Array(16),
  name: "",
  text: "",
  atMs: 0,
  isRemoved: false,
});
const shown = (update: ChatUpdate | undefined) =>
  update?.kind === "skipped"
    ? `${update.channel} ${update.from}-${update.to}`
    : update?.kind === "said"
      ? `${update.channel} ${update.seq}`
      : update?.kind;

it("tells in order, waits, and ends for everybody who waits", async () => {
  let ends = 0;
  const outlet = new Outlet<ChatUpdate>(undefined, () => void ends++);
  const iterator = outlet.iterator();
  const waiting = [iterator.next(), iterator.next()];
  outlet.tell(line(1));
  outlet.tell(line(2));
  expect((await Promise.all(waiting)).map(({ value }) => shown(value))).toEqual([
    "world 1",
    "world 2",
  ]);
  const more = [iterator.next(), iterator.next()];
  outlet.finish();
  outlet.finish();
  expect((await Promise.all(more)).map(({ done }) => done)).toEqual([true, true]);
  expect(ends).toBe(1);
});

it("throws its error when all is told", async () => {
  const outlet = new Outlet<ChatUpdate>(undefined, () => undefined);
  outlet.tell(line(1));
  outlet.finish(new Error("denied"));
  const iterator = outlet.iterator();
  expect(shown((await iterator.next()).value)).toBe("world 1");
  await expect(iterator.next()).rejects.toThrow("denied");
});

it("ends by its signal, at once", async () => {
  const ending = new AbortController();
  const outlet = new Outlet<ChatUpdate>(ending.signal, () => undefined);
  outlet.tell(line(1));
  ending.abort();
  expect(await outlet.iterator().next()).toEqual({ done: true, value: undefined });
});

it("says what a reader that is too slow has missed, channel by channel, and no more", async () => {
  const outlet = new Outlet<ChatUpdate>(undefined, () => undefined);
  for (let seq = 1; seq <= 800; seq++) outlet.tell(line(seq));
  for (let seq = 1; seq <= 400; seq++) outlet.tell(line(seq, "hex/a"));
  const iterator = outlet.iterator();
  const told: string[] = [];
  for (let n = 0; n < 1_000; n++) told.push(shown((await iterator.next()).value)!);
  expect(told[0]).toBe("world 1-201");
  expect(told.slice(1, 3)).toEqual(["world 202", "world 203"]);
  expect(told.at(-1)).toBe("hex/a 400");
  outlet.finish();
  expect((await iterator.next()).done).toBe(true);
});
