import { Code, ConnectError } from "@connectrpc/connect";
import { ControlService } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { createMemoryBus, MemoryBroker } from "@hexhold/messaging";
import { openMemoryChannel } from "@hexhold/rpc";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ChatDatabase, openChatDatabase } from "../test/chat-database.ts";
import { chatConfigSchema, start } from "./index.ts";

let database: ChatDatabase;

beforeAll(async () => {
  database = await openChatDatabase();
});
afterAll(async () => database?.close());

/** Starts beside a router that takes nobody, and says what it was told. */
const starting = () =>
  start(chatConfigSchema.parse({ instance: "chat-1", postgresUrl: database.url }), {
    bus: createMemoryBus(new MemoryBroker()),
    routers: openMemoryChannel((router) => {
      router.service(ControlService, {
        register({ game, worldFormat }) {
          const loaded = `it has ${game === undefined ? "no game" : game.name}, format ${worldFormat}`;
          throw new ConnectError(loaded, Code.FailedPrecondition);
        },
      });
    }),
    logger: createLogger({ service: "chat", instance: "chat-1", level: "silent" }),
    metrics: createMetrics(),
  });

test("it joins without a game, and not on a schema that it does not know", async () => {
  await expect(starting()).rejects.toThrow("it has no game, format 0");
  await database.admin.query(
    "INSERT INTO chat.schema_migration (name, run_on) VALUES ('0099_later', now())",
  );
  await expect(starting()).rejects.toThrow(
    "schema chat is at 0099_later, this software needs 0001_chat",
  );
});
