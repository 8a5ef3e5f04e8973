import { createMemoryBus, MemoryBroker } from "@hexhold/messaging";
import { ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { expect, it } from "vitest";
import { type Service, startService } from "./start-service.ts";

function startWith(begin: (service: Service) => Promise<void>, said: string[] = []) {
  const destination = { write: (line: string) => void said.push(line) };
  const logger = createLogger({ service: "x", instance: "x-1", level: "info", destination });
  return startService(
    {
      name: "x",
      instance: "x-1",
      version: "1",
      host: "127.0.0.1",
      controlPort: 0,
      controlToken: undefined,
      ports: {
        bus: createMemoryBus(new MemoryBroker()),
        // Nobody: what joins fails.
        routers: ["http://127.0.0.1:1"],
        logger,
        metrics: createMetrics(),
      },
    },
    begin,
  );
}

const answers = (url: string): Promise<boolean> =>
  fetch(`${url}/healthz`).then(
    () => true,
    () => false,
  );

it("stops by running every end once, the last opened first, its control server among them", async () => {
  const ran: string[] = [];
  const running = await startWith(async ({ unwind, serve }) => {
    unwind.add("store", () => void ran.push("store"));
    await serve({ inspect: () => ({}) });
    unwind.add("relay", async () => {
      ran.push(`relay, served: ${await answers(running.controlUrl)}`);
    });
  });
  expect(await answers(running.controlUrl)).toBe(true);
  await Promise.all([running.stop(), running.stop()]);
  expect(ran).toEqual(["relay, served: true", "store"]);
  expect(await answers(running.controlUrl)).toBe(false);
});

it("a start that fails says its own reason and leaves nothing open", async () => {
  const ran: string[] = [];
  let url = "";
  const start = startWith(async ({ unwind, serve }) => {
    unwind.add("store", () => void ran.push("store"));
    ({ url } = await serve({ inspect: () => ({}) }));
    unwind.add("relay", () => {
      throw new Error("not this one");
    });
    throw new Error("no keys");
  });
  await expect(start).rejects.toThrow("no keys");
  expect(ran).toEqual(["store"]);
  expect(await answers(url)).toBe(false);
});

it("an end that hangs keeps no other from running: its bound passes, the log names it, and the stop rejects", async () => {
  const ran: string[] = [];
  const said: string[] = [];
  const running = await startWith(async ({ unwind, serve }) => {
    unwind.add("store", () => void ran.push("store"));
    await serve({ inspect: () => ({}) });
    unwind.add("relay", () => new Promise(() => undefined), 20);
  }, said);
  await expect(running.stop()).rejects.toThrow("relay: not ended within 20 ms");
  expect(ran).toEqual(["store"]);
  expect(said.join("")).toContain("relay: not ended within 20 ms");
});

it("lacks what the broker lacks and what the service says", async () => {
  const running = await startWith(async ({ serve }) => {
    await serve({ inspect: () => ({}), missing: () => ["queues: 0 of 8 are consumed"] });
  });
  const response = await fetch(`${running.controlUrl}/readyz`);
  expect(response.status).toBe(503);
  expect(await response.text()).toContain("queues: 0 of 8 are consumed");
  await running.stop();
});

it("does not join before it serves: the router would probe a server that is not there", async () => {
  const start = startWith(async ({ join }) => {
    await join({ kind: ProcessKind.DOMAIN, worldFormat: 1 });
  });
  await expect(start).rejects.toThrow("x joins before it serves");
});
