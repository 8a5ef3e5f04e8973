import { expect, test } from "vitest";
import { watchStart } from "./watch-start.ts";

const death = (name: string) => ({
  type: "died" as const,
  name,
  how: "exit code 1",
  reason: `${name} ended by itself: no space`,
  delayMs: 0,
});

test("one death may be an accident; the second of the same process ends the start with its reason", async () => {
  const watch = watchStart();
  const coming = watch.race(new Promise(() => undefined));
  watch.see(death("worker-1"));
  watch.see(death("router-1"));
  watch.see(death("worker-1"));
  await expect(coming).rejects.toThrow("worker-1 ended by itself: no space");
});

test("after a start that came up deaths are the supervisor's", async () => {
  const watch = watchStart();
  await expect(watch.race(Promise.resolve("up"))).resolves.toBe("up");
  watch.see(death("worker-1"));
  watch.see(death("worker-1"));
});
