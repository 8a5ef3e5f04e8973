import { expect, test } from "vitest";
import { createUnwind, type EndError, startWhole } from "./unwind.ts";

test("ends run in reverse, one after the other", async () => {
  const ran: string[] = [];
  const unwind = createUnwind();
  unwind.add("first", () => void ran.push("first"));
  unwind.add("second", async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    ran.push("second");
  });
  await unwind.run();
  expect(ran).toEqual(["second", "first"]);
});

test("all of them run, whichever throws, rejects or hangs, and each failure is told by name", async () => {
  const ran: string[] = [];
  const told: string[] = [];
  const unwind = createUnwind((failure) => told.push(failure.message));
  const cause = new Error("ENOENT");
  unwind.add("pool", () => void ran.push("pool"));
  unwind.add("file", () => {
    throw cause;
  });
  unwind.add("server", () => new Promise(() => undefined), 10);
  unwind.add("bus", () => Promise.reject(new Error("gone")));
  const error = await unwind.run().catch((thrown: unknown) => thrown);
  expect(ran).toEqual(["pool"]);
  expect(told).toEqual(["bus: gone", "server: not ended within 10 ms", "file: ENOENT"]);
  expect(error).toBeInstanceOf(AggregateError);
  expect((error as AggregateError).errors).toHaveLength(3);
  expect((error as AggregateError).errors[2]).toMatchObject({ end: "file", cause });
});

test("is run once, however often it is asked to", async () => {
  let times = 0;
  const unwind = createUnwind();
  unwind.add("server", () => (times += 1));
  await Promise.all([unwind.run(), unwind.run()]);
  await unwind.run();
  expect(times).toBe(1);
});

test("an end that comes while the others run, or after them, is run all the same", async () => {
  const ran: string[] = [];
  const told: EndError[] = [];
  const unwind = createUnwind((failure) => told.push(failure));
  unwind.add("early", () => unwind.add("meanwhile", () => void ran.push("meanwhile")));
  await unwind.run();
  unwind.add("late", () => void ran.push("late"));
  unwind.add("late and broken", () => Promise.reject(new Error("no")));
  await expect.poll(() => told.map(({ message }) => message)).toEqual(["late and broken: no"]);
  expect(ran).toEqual(["meanwhile", "late"]);
});

test("a start that fails has ended what it opened, and says its own reason", async () => {
  const ran: string[] = [];
  const told: string[] = [];
  const starting = startWhole(
    (unwind) => {
      unwind.add("pool", () => void ran.push("pool"));
      unwind.add("server", () => Promise.reject(new Error("not listening")));
      return Promise.reject(new Error("no worker answered"));
    },
    (failure) => told.push(failure.message),
  );
  await expect(starting).rejects.toThrow(/^no worker answered$/);
  expect(ran).toEqual(["pool"]);
  expect(told).toEqual(["server: not listening"]);
});

test("a start that succeeds keeps what it opened", async () => {
  const ran: string[] = [];
  const world = await startWhole((unwind) => {
    unwind.add("pool", () => void ran.push("pool"));
    return Promise.resolve({ stop: unwind.run });
  });
  expect(ran).toEqual([]);
  await world.stop();
  expect(ran).toEqual(["pool"]);
});
