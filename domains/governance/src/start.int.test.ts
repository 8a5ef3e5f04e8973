import { Code, ConnectError } from "@connectrpc/connect";
import { ControlService } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { createMemoryBus, MemoryBroker } from "@hexhold/messaging";
import { openMemoryChannel } from "@hexhold/rpc";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type GovernanceDatabase, openGovernanceDatabase } from "../test/governance-database.ts";
import { governanceConfigSchema, start } from "./index.ts";

const bare = new URL("../../../libs/testing/src/bare-game.ts", import.meta.url).href;
let database: GovernanceDatabase;

beforeAll(async () => {
  database = await openGovernanceDatabase();
});
afterAll(async () => database.close());

/** Starts beside a router that takes nobody, and says what it was told. */
const starting = (fields: { fadePerMille?: number; module?: string } = {}) =>
  start(
    governanceConfigSchema.parse({
      instance: "governance-1",
      postgresUrl: database.url,
      game: { module: fields.module ?? bare, options: {} },
      ...(fields.fadePerMille === undefined ? {} : { fadePerMille: fields.fadePerMille }),
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
      logger: createLogger({ service: "governance", instance: "governance-1", level: "silent" }),
      metrics: createMetrics(),
    },
  );

test("it tells the router its game, and starts with the rule by which the world's points fade, or not at all", async () => {
  await expect(starting()).rejects.toThrow("it has loaded bare 1.0.0");
  await expect(starting({ fadePerMille: 900 })).rejects.toThrow(
    "governance.fadePerMille is 900, and the points of this world fade by 977",
  );
  await expect(starting({ fadePerMille: 977 })).rejects.toThrow("it has loaded bare 1.0.0");
});

test("it names a game that it cannot load", async () => {
  await expect(starting({ module: "file:///nowhere/game.ts" })).rejects.toThrow(
    "the game's module file:///nowhere/game.ts cannot be loaded",
  );
});
