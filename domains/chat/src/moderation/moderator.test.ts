import { createLogger, createMetrics } from "@hexhold/telemetry";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createChatMetrics } from "../chat-metrics.ts";
import { createModerator, type Moderate } from "./moderator.ts";
import { wordList } from "./word-list.ts";

const metrics = createMetrics({ processMetrics: false });
const chatMetrics = createChatMetrics(metrics, { openReports: () => Promise.resolve() });
const logger = createLogger({ service: "chat", instance: "test", level: "silent" });

beforeEach(() => vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const ask = (moderate: Moderate, text = "hello") =>
  createModerator({
    moderate,
    logger,
    metrics: chatMetrics,
    isAllowed: (masked) => masked !== "",
  })(text, "anna");
const failures = async (cause: string) =>
  (await metrics.metricsText())
    .split("\n")
    .filter((line) => line.startsWith(`hexhold_chat_filter_failures_total{cause="${cause}"}`))
    .map((line) => Number(line.split(" ").at(-1)))[0] ?? 0;

it("lets through, masks and refuses", async () => {
  expect(await ask(() => ({ kind: "allow" }))).toMatchObject({ text: "hello", isMasked: false });
  expect(await ask(() => ({ kind: "mask", text: "h*" }))).toMatchObject({
    text: "h*",
    isMasked: true,
  });
  expect(await ask(() => Promise.resolve({ kind: "refuse" }))).toEqual({ kind: "refused" });
});

it("lets through and flags what the filter does not look at within 50 ms", async () => {
  const before = await failures("slow");
  let isDone = false;
  const asked = ask(() => new Promise(() => undefined)).finally(() => (isDone = true));
  await vi.advanceTimersByTimeAsync(49);
  expect(isDone).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(await asked).toEqual({ kind: "said", text: "hello", isMasked: false, isFlagged: true });
  expect(await failures("slow")).toBe(before + 1);
});

it("lets through and flags what the filter fails at, at once, later, or with a text that is none", async () => {
  const before = await failures("failed");
  const bad: Moderate[] = [
    () => {
      throw new Error("no list");
    },
    () => Promise.reject(new Error("no service")),
    () => ({ kind: "mask", text: "" }),
  ];
  for (const moderate of bad) {
    expect(await ask(moderate)).toEqual({
      kind: "said",
      text: "hello",
      isMasked: false,
      isFlagged: true,
    });
  }
  expect(await failures("failed")).toBe(before + 3);
  // What fails when nobody waits any more ends no process.
  const late = ask(
    () => new Promise((_, reject) => setTimeout(() => reject(new Error("late")), 80)),
  );
  await vi.advanceTimersByTimeAsync(100);
  expect(await late).toMatchObject({ isFlagged: true });
});

it("masks whole words, in any case, with accents or without", async () => {
  const words = wordList(["darn", "Bäh"]);
  expect(await ask(words, "Darn it, DÁRN! darned bah")).toMatchObject({
    text: "**** it, ****! darned ***",
  });
  expect(await ask(words, "hello")).toMatchObject({ isMasked: false });
  expect(await ask(wordList([]), "darn")).toMatchObject({ text: "darn" });
});
