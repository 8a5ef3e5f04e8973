import { expect, it } from "vitest";
import { frameCostBytes, Outbox, viewCostMax, waitingCostMax } from "./outbox.ts";

type Written = () => void;

/** A socket that writes when the test says so. */
function outboxOn() {
  const writes: string[] = [];
  const callbacks: Written[] = [];
  const note = (what: string, written: Written | undefined): void => {
    writes.push(what);
    if (written !== undefined) callbacks.push(written);
  };
  const socket = {
    OPEN: 1 as const,
    readyState: 1 as const,
    send: (bytes: Uint8Array, written?: Written) => note(`frame ${bytes.length}`, written),
    ping: (bytes: Uint8Array, _mask: boolean, written?: Written) => note("ping", written),
    pong: (bytes: Uint8Array, _mask: boolean, written?: Written) => note("pong", written),
  };
  const stream = { cork: () => void writes.push("["), uncork: () => void writes.push("]") };
  const outbox = new Outbox(socket as never, stream);
  return { outbox, writes, callbacks };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

it("sends what was said in one turn by one write, in its order", async () => {
  const { outbox, writes, callbacks } = outboxOn();
  outbox.send(new Uint8Array(1));
  outbox.control("pong");
  outbox.sendView(new Uint8Array(2));
  expect(writes).toEqual([]);
  await turn();
  expect(writes).toEqual(["[", "frame 1", "pong", "frame 2", "]"]);
  expect(outbox.cost).toBe(3 + 3 * frameCostBytes);
  for (const written of callbacks) written();
  expect(outbox.cost).toBe(0);
});

it("takes no more than 1 MiB, however small the frames are, pings and pongs as well", async () => {
  for (const add of [
    (outbox: Outbox) => outbox.send(new Uint8Array(2)),
    (outbox: Outbox) => outbox.control("pong", new Uint8Array(2)),
    (outbox: Outbox) => outbox.control("ping", new Uint8Array(2)),
  ]) {
    const { outbox, callbacks } = outboxOn();
    let taken = 0;
    while (add(outbox)) {
      taken++;
      if (taken % 100 === 0) await turn();
    }
    await turn();
    expect(taken).toBe(Math.floor(waitingCostMax / (frameCostBytes + 2)));
    expect(outbox.cost).toBeLessThanOrEqual(waitingCostMax);
    for (const written of callbacks) written();
    expect([outbox.cost, add(outbox)]).toEqual([0, true]);
  }
});

it("drops views before anything else, and lets a larger frame go alone", async () => {
  const { outbox, callbacks } = outboxOn();
  expect(outbox.sendView(new Uint8Array(2 * waitingCostMax))).toBe(true);
  await turn();
  expect([outbox.sendView(new Uint8Array(1)), outbox.send(new Uint8Array(1))]).toEqual([
    false,
    false,
  ]);
  callbacks.shift()!();
  expect(outbox.send(new Uint8Array(viewCostMax))).toBe(true);
  expect([outbox.sendView(new Uint8Array(1)), outbox.send(new Uint8Array(1))]).toEqual([
    false,
    true,
  ]);
});

it("lets one view go beyond 256 KiB, within 1 MiB, and then none, however small", () => {
  const { outbox } = outboxOn();
  expect(outbox.sendView(new Uint8Array(viewCostMax - frameCostBytes))).toBe(true);
  expect(outbox.cost).toBe(viewCostMax);
  const left = waitingCostMax - viewCostMax;
  expect(outbox.sendView(new Uint8Array(left))).toBe(false);
  expect(outbox.sendView(new Uint8Array(left - frameCostBytes))).toBe(true);
  expect([outbox.cost, outbox.sendView(new Uint8Array(0))]).toEqual([waitingCostMax, false]);
});
