import { murmur3 } from "@hexhold/hex";
import { expect, it } from "vitest";
import { domainQueueOf } from "./services.ts";
import { queuesOf } from "./topology.ts";

const subjects = Array.from(
  { length: 64 },
  (_, n) => `0190d8a0-0000-7000-8000-${String(n).padStart(12, "0")}`,
);

it("a subject's queue is murmur3 of its text mod 8, one of those that are declared", () => {
  const declared = new Set(queuesOf(8).map(({ name }) => name));
  const used = new Set(
    subjects.map((subject) => {
      const queue = domainQueueOf("inventory", subject);
      expect(queue).toBe(`cmd.inventory.${murmur3(Buffer.from(subject)) % 8}`);
      return queue;
    }),
  );
  expect([...used].filter((queue) => !declared.has(queue))).toEqual([]);
  expect(used.size).toBe(8);
});

it("services with competing consumers have one queue each", () => {
  expect(domainQueueOf("router", "cmd.p3")).toBe("cmd.router");
  expect(domainQueueOf("accounts", subjects[0]!)).toBe("cmd.accounts");
});
