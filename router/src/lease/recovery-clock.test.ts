import { expect, test } from "vitest";
import { createRecoveryClock } from "./recovery-clock.ts";

function openClock() {
  const recovered: number[] = [];
  const time = { ms: 1_000 };
  const health = createRecoveryClock(
    () => time.ms,
    (seconds) => recovered.push(seconds),
  );
  return { recovered, time, health };
}

test("a slot that is served for the first time has not recovered", () => {
  const { recovered, time, health } = openClock();
  health("cmd.p0", false);
  time.ms += 5_000;
  health("cmd.p0", true);
  expect(recovered).toEqual([]);
});

test("from the first moment without service to the first with it, however often it is told, a slot each", () => {
  const { recovered, time, health } = openClock();
  health("cmd.p0", true);
  health("cmd.p1", true);
  health("cmd.p0", true);
  health("cmd.p0", false);
  time.ms += 1_000;
  health("cmd.p0", false);
  health("cmd.p1", false);
  time.ms += 1_500;
  health("cmd.p0", true);
  health("cmd.p0", true);
  expect(recovered).toEqual([2.5]);
  time.ms += 500;
  health("cmd.p1", true);
  health("cmd.p0", false);
  health("cmd.p0", true);
  expect(recovered).toEqual([2.5, 2, 0]);
});
