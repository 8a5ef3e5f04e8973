import { expect, it } from "vitest";
import { watchPostgres } from "./watch-postgres.ts";

const everyMs = 10;

it("says that it refuses, that it is silent, and nothing while it answers", async () => {
  let answer: () => Promise<unknown> = () => Promise.resolve();
  const watch = watchPostgres(() => answer(), everyMs);
  const asked = { isTrue: false };
  answer = async () => void (asked.isTrue = true);
  await expect.poll(() => asked.isTrue).toBe(true);
  expect(watch.fault).toBeUndefined();

  answer = () => Promise.reject(Object.assign(new Error("no such user"), { code: "28P01" }));
  await expect.poll(() => watch.fault).toMatch(/^PostgreSQL refuses the password.*no such user/);

  let settle = (): void => undefined;
  answer = () => new Promise<void>((resolve) => (settle = resolve));
  await expect.poll(() => watch.fault).toBe("PostgreSQL does not answer (nothing for 0.01 s)");

  answer = () => Promise.resolve();
  settle();
  await expect.poll(() => watch.fault).toBeUndefined();
  await watch.stop();
});

it("asks nothing more once it is stopped", async () => {
  let asked = 0;
  const watch = watchPostgres(async () => void asked++, everyMs);
  await expect.poll(() => asked).toBeGreaterThan(1);
  await watch.stop();
  const then = asked;
  await new Promise((resolve) => setTimeout(resolve, 5 * everyMs));
  expect(asked).toBe(then);
});
