import { Code, ConnectError } from "@connectrpc/connect";
import { ControlService } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { createMemoryBus, MemoryBroker } from "@hexhold/messaging";
import { openMemoryChannel } from "@hexhold/rpc";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { expect, test } from "vitest";
import { openLedgerDatabase } from "../test/ledger-database.ts";
import { inventoryConfigSchema, start } from "./index.ts";

const reference = new URL("../../../games/reference/src/index.ts", import.meta.url).href;

test("it tells the router its game, which refuses another one than the world's", async () => {
  const database = await openLedgerDatabase();
  const starting = start(
    inventoryConfigSchema.parse({
      instance: "inventory-1",
      postgresUrl: database.url,
      game: { module: reference, options: {} },
    }),
    {
      bus: createMemoryBus(new MemoryBroker()),
      routers: openMemoryChannel((router) => {
        router.service(ControlService, {
          register({ game }) {
            const loaded = `it has loaded ${game?.name} ${game?.version}`;
            throw new ConnectError(loaded, Code.FailedPrecondition);
          },
        });
      }),
      logger: createLogger({ service: "inventory", instance: "inventory-1", level: "silent" }),
      metrics: createMetrics(),
    },
  );
  await expect(starting).rejects.toThrow("it has loaded reference 1.1.0");
  await database.close();
});
