import { createLogger } from "@hexhold/telemetry";
import type { BusState } from "@hexhold/messaging";
import { beforeEach, expect, it, vi } from "vitest";
import {
  type BrokerMark,
  createBrokerMarkKeeper,
  ForeignBrokerError,
  recheckBrokerMark,
} from "./broker-mark.ts";

const world = { worldId: "ours", historyId: "h" };
let mark: BrokerMark | undefined;
let noted: number;
let resends: string[];
let isWriteLost: boolean;
beforeEach(() => {
  mark = undefined;
  noted = 0;
  resends = [];
  isWriteLost = false;
});

const check = (): Promise<void> =>
  createBrokerMarkKeeper({
    marks: {
      readMark: () => Promise.resolve(mark),
      writeMark: (next) => {
        if (isWriteLost) return Promise.reject(new Error("gone"));
        mark = next;
        return Promise.resolve();
      },
    },
    store: {
      brokerMark: () => Promise.resolve(noted),
      setBrokerMark: (number) => Promise.resolve(void (noted = number)),
      resendLanes: (why) => Promise.resolve(BigInt(resends.push(why))),
    },
    world,
    logger: createLogger({ service: "router", instance: "test", level: "silent" }),
    onResend: () => undefined,
  }).check();

it("marks a new world's broker without a resend, and raises the mark each time", async () => {
  for (let n = 1; n <= 3; n++) {
    await check();
    expect(mark).toEqual({ worldId: "ours", number: n });
  }
  expect(resends).toEqual([]);
});

it("sends again once when the queues are emptied", async () => {
  await check();
  await check();
  mark = undefined;
  await check();
  await check();
  expect(resends).toEqual(["the broker's queues are new"]);
});

it("sends again once when the queues come back from an earlier moment, or the database does", async () => {
  for (let n = 0; n < 5; n++) await check();
  mark = { worldId: "ours", number: 2 };
  await check();
  await check();
  expect(resends).toHaveLength(1);
  noted = 3;
  await check();
  await check();
  expect(resends).toHaveLength(2);
  expect(mark.number).toBeGreaterThan(7);
});

it("takes a mark that was noted and not given for no loss", async () => {
  await check();
  await check();
  isWriteLost = true;
  for (let n = 0; n < 3; n++) await expect(check()).rejects.toThrow("gone");
  isWriteLost = false;
  await check();
  expect(mark?.number).toBe(3);
  expect(resends).toEqual([]);
});

it("refuses the broker of another world, by name, and leaves it as it is", async () => {
  await check();
  mark = { worldId: "theirs", number: 9 };
  await expect(check()).rejects.toThrow(ForeignBrokerError);
  await expect(check()).rejects.toThrow(/queues of the world theirs.*this is the world ours/);
  expect({ mark, noted, resends }).toEqual({
    mark: { worldId: "theirs", number: 9 },
    noted: 1,
    resends: [],
  });
});

it("compares again each time that the broker comes back, and until it answers", async () => {
  let listener = (_state: BusState): void => undefined;
  let checks = 0;
  const end = recheckBrokerMark(
    {
      check: () =>
        ++checks === 1 ? Promise.reject(new Error("not up yet")) : Promise.resolve(undefined),
    },
    {
      state: { mode: "connected", generation: 1 },
      onState(given) {
        listener = given;
        return () => undefined;
      },
    },
    createLogger({ service: "router", instance: "test", level: "silent" }),
    () => Promise.resolve(false),
  );
  listener({ mode: "blocked", generation: 1, reason: "disk" });
  listener({ mode: "disconnected", reason: "killed" });
  expect(checks).toBe(0);
  listener({ mode: "connected", generation: 2 });
  await vi.waitFor(() => expect(checks).toBe(2), { timeout: 3000 });
  listener({ mode: "connected", generation: 2 });
  listener({ mode: "connected", generation: 3 });
  await vi.waitFor(() => expect(checks).toBe(3));
  end();
});

it("raises the mark from time to time, and not while the broker has an alarm or is away", async () => {
  let checks = 0;
  let isAlarmed = false;
  let asked = 0;
  const bus = { state: { mode: "connected", generation: 1 } as BusState, onState: () => () => {} };
  const end = recheckBrokerMark(
    { check: () => Promise.resolve(void checks++) },
    bus,
    createLogger({ service: "router", instance: "test", level: "silent" }),
    () => {
      asked++;
      return Promise.resolve(isAlarmed);
    },
    5,
  );
  await vi.waitFor(() => expect(checks).toBeGreaterThan(2));
  isAlarmed = true;
  await vi.waitFor(() => expect(asked).toBeGreaterThan(checks + 5));
  const then = checks;
  isAlarmed = false;
  bus.state = { mode: "disconnected", reason: "killed" };
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(checks).toBe(then);
  bus.state = { mode: "connected", generation: 1 };
  await vi.waitFor(() => expect(checks).toBeGreaterThan(then));
  end();
});
