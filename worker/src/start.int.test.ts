import { createMemoryBus, MemoryBroker } from "@hexhold/messaging";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { type FreshDatabase, refusingRouter } from "@hexhold/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { start, workerConfigSchema } from "./index.ts";
import { migratedDatabase } from "./journal/world-database.testing.ts";

let database: FreshDatabase;

beforeAll(async () => {
  database = await migratedDatabase();
});
afterAll(() => database.drop());

/** Sockets, servers and threads, whatever else this process has. */
function open(): string[] {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) {
    if (/TCP|Pipe|MessagePort|Worker/.test(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => `${count} ${name}`).toSorted();
}

it("a start that the router refuses leaves no server, connection or thread behind", async () => {
  const before = open();
  let closed = 0;
  const starting = start(
    workerConfigSchema.parse({
      instance: "worker-1",
      postgresUrl: database.url,
      game: {
        module: new URL("../../games/reference/src/index.ts", import.meta.url).href,
        options: {},
      },
    }),
    {
      bus: createMemoryBus(new MemoryBroker()),
      routers: refusingRouter("another world format"),
      snapshots: {
        connect: () => Promise.resolve(),
        load: () => Promise.resolve(new Map()),
        save: () => Promise.resolve(),
        close: () => Promise.resolve(void closed++),
      },
      logger: createLogger({ service: "worker", instance: "worker-1", level: "silent" }),
      metrics: createMetrics(),
    },
  );
  await expect(starting).rejects.toThrow("another world format");
  expect(closed).toBe(1);
  await expect.poll(open, { timeout: 5000 }).toEqual(before);
});
