import { diskOf, hexAt } from "@hexhold/hex";
import fc from "fast-check";
import { expect, it } from "vitest";
import { TimerQueue, type WaitingTimer } from "./timer-queue.ts";

const hexes = diskOf(hexAt(52.5, 13.4), 2);

function timer(i: number, nextMs: number, fired = 0): WaitingTimer {
  const key = { hexId: hexes[i % hexes.length]!, layerId: 0 };
  return { key, timer: "t", dueMs: nextMs, armedVersion: 1, nextMs, fired };
}

it("gives turns as a list that is searched each time would", () => {
  const change = fc.record({
    hex: fc.nat(18),
    nextMs: fc.nat(50),
    kind: fc.constantFrom("set", "delete", "look"),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 400 }), (changes) => {
      const queue = new TimerQueue();
      const list = new Map<number, WaitingTimer>();
      for (const { hex, nextMs, kind } of changes) {
        if (kind === "set") {
          const one = timer(hex, nextMs);
          queue.set(one);
          list.set(hex, one);
        } else if (kind === "delete") {
          queue.delete(timer(hex, 0));
          list.delete(hex);
        } else {
          const expected = [...list.values()].filter((one) => one.nextMs <= nextMs);
          const due = [...queue.due(nextMs)];
          expect(new Set(due)).toEqual(new Set(expected));
          expect(due.map((one) => one.nextMs)).toEqual(
            due.map((one) => one.nextMs).sort((a, b) => a - b),
          );
          for (const one of due) {
            one.nextMs += 20;
            queue.set(one);
          }
        }
        expect(queue.size).toBe(list.size);
        expect(queue.nextMs).toBe(
          Math.min(Infinity, ...[...list.values()].map((one) => one.nextMs)),
        );
      }
    }),
  );
});

it("keeps those that are due first, and all that have been fired", () => {
  const queue = new TimerQueue();
  for (let i = 0; i < 10; i++) queue.set(timer(i, 100 - i));
  queue.set(timer(10, 1000, 3));
  expect(queue.keepFirst(4)).toBe(94);
  expect([...queue].map(({ dueMs }) => dueMs).sort((a, b) => a - b)).toEqual([
    91, 92, 93, 94, 1000,
  ]);
  expect(queue.nextMs).toBe(91);
});
