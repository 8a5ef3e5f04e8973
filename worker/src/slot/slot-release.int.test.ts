import { expect, it, vi } from "vitest";
import {
  admin,
  answerTo,
  aWhile,
  broker,
  ends,
  enter,
  epochNow,
  failing,
  gather,
  publish,
  rulesOf,
  runner,
  slot,
  spawn,
  start,
  useSlotDriver,
} from "./slot-driver.testing.ts";

useSlotDriver();

it("a slot that is given up while it is being taken is given back, and not served", async () => {
  const taking = start();
  const released = runner.release("the worker stops", () => Promise.resolve());
  await Promise.all([taking, released]);
  const { rows } = await admin.query("SELECT released FROM world.slot");
  expect(rows).toEqual([{ released: true }]);
  expect(ends).toEqual(["released"]);
  expect(broker.depths().find(({ name }) => name === slot)?.consumers).toBe(0);
});

it("what comes while a slot is given back is left to the next owner, and the slot is released", async () => {
  await start();
  await publish(spawn());
  const late = enter();
  let handled: Promise<unknown> = Promise.resolve();
  await runner.release("another takes it", async (what) => {
    if (what !== "volatile") return;
    handled = publish(late);
    await aWhile();
  });
  const { rows } = await admin.query("SELECT released FROM world.slot");
  expect({ ends, rows }).toEqual({ ends: ["released"], rows: [{ released: true }] });
  await start(await epochNow());
  await handled;
  expect((await answerTo(late)).outcome.case).toBe("applied");
});

it("what is between two attempts when a slot is given back is left to the next owner, released", async () => {
  const threw = Promise.withResolvers<void>();
  await start(0n, failing, () => {
    const decide = rulesOf.decide.bind(rulesOf);
    rulesOf.decide = async (...given) => {
      const decision = await decide(...given);
      if (decision.fault === undefined) return decision;
      threw.resolve();
      // Until the slot is being given back.
      await vi.waitFor(() => expect(releasing).toBe(true), { timeout: 5000, interval: 1 });
      return decision;
    };
  });
  let releasing = false;
  await publish(spawn(), enter());
  const doomed = gather();
  const handled = publish(doomed);
  await threw.promise;
  const released = runner.release("another takes it", () => Promise.resolve());
  setTimeout(() => (releasing = true), 50);
  await released;
  const { rows } = await admin.query("SELECT released FROM world.slot");
  expect({ ends, rows }).toEqual({ ends: ["released"], rows: [{ released: true }] });
  await start(await epochNow());
  await handled;
  expect((await answerTo(doomed)).outcome.case).toBe("applied");
});
