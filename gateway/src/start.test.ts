import { createMemoryBus, MemoryBroker } from "@hexhold/messaging";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { refusingRouter } from "@hexhold/testing";
import { expect, it } from "vitest";
import { gatewayConfigSchema, start } from "./index.ts";

const servers = (): number =>
  process.getActiveResourcesInfo().filter((name) => name.startsWith("TCPServer")).length;

it("a start that the router refuses leaves no server behind", async () => {
  const before = servers();
  const starting = start(
    gatewayConfigSchema.parse({
      instance: "gateway-1",
      port: 0,
      game: {
        module: new URL("../../games/reference/src/index.ts", import.meta.url).href,
        options: {},
      },
    }),
    {
      bus: createMemoryBus(new MemoryBroker()),
      routers: refusingRouter("another world format"),
      logger: createLogger({ service: "gateway", instance: "gateway-1", level: "silent" }),
      metrics: createMetrics(),
    },
  );
  await expect(starting).rejects.toThrow("another world format");
  await expect.poll(servers).toBe(before);
});
