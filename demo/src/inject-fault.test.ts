import { expect, it } from "vitest";
import { victimOf } from "./inject-fault.ts";

const worker = { kind: "kill", target: "worker", atMs: 0 } as const;
const cluster = {
  services: {
    redis: { url: "redis://127.0.0.1", pid: 7, version: "" },
    mongodb: { url: "mongodb://elsewhere", version: "" },
  },
  processes: [
    { name: "host", kind: "host", pid: 1 },
    { name: "worker-2", kind: "worker", pid: 3 },
    { name: "worker-1", kind: "worker", pid: 2 },
  ],
};

it("meets the processes of a kind in turn, and a named process or service each time", () => {
  expect([0, 1, 2].map((nth) => victimOf(worker, nth, cluster).pid)).toEqual([2, 3, 2]);
  expect(victimOf({ ...worker, target: "worker-2" }, 0, cluster).pid).toBe(3);
  expect(victimOf({ ...worker, target: "redis" }, 0, cluster)).toEqual({ name: "redis", pid: 7 });
});

it("says why there is nobody to meet", () => {
  const of = (target: string) => () => victimOf({ ...worker, target }, 0, cluster);
  expect(of("worker-9")).toThrow(
    "no process worker-9 runs now; there are host, worker-2, worker-1",
  );
  expect(of("postgres")).toThrow("this world uses no postgres");
  expect(of("mongodb")).toThrow("mongodb was given by URL");
  const embedded = {
    ...cluster,
    processes: [{ name: "worker-1", kind: "worker", pid: 1 }, cluster.processes[0]!],
  };
  expect(() => victimOf(worker, 0, embedded)).toThrow(/one process with the whole world/);
});
