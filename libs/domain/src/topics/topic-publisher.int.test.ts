/** What players are told by a service whose transactions fail, on a real broker and PostgreSQL. */
import { create, fromBinary } from "@bufbuild/protobuf";
import {
  ChangedSchema,
  file_hexhold_inventory_v1_events,
} from "@hexhold/gen/hexhold/inventory/v1/events_pb";
import {
  createMemoryBus,
  decodeEnvelope,
  decodeTopics,
  MemoryBroker,
  playerRoutingKey,
  uuidText,
} from "@hexhold/messaging";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { expect, test } from "vitest";
import { account, gathered, openTestDomain, poison } from "../../test/test-domain.ts";
import { createTopicPublisher } from "./topic-publisher.ts";

test("a player is told of what was committed and answered, and of nothing else", async () => {
  const bus = createMemoryBus(new MemoryBroker());
  const heard: string[] = [];
  const inbox = await bus.openInbox({
    name: "gw.test.view",
    lengthMax: 100,
    onMessage({ body }) {
      for (const { event } of decodeTopics(body).events) {
        heard.push(fromBinary(ChangedSchema, decodeEnvelope(event).payload).cause);
      }
    },
  });
  await inbox.bind(playerRoutingKey(uuidText(account)));
  const topics = createTopicPublisher({
    bus,
    producer: { service: "inventory", version: "1", instance: "inventory-1" },
    descriptors: [file_hexhold_inventory_v1_events],
    worldNow: Date.now,
    logger: createLogger({ service: "inventory", instance: "test", level: "silent" }),
    metrics: createMetrics({ processMetrics: false }),
  });
  let transactions = 0;
  const domain = await openTestDomain({
    newWork() {
      const nth = ++transactions;
      return {
        flush: () => Promise.resolve(),
        committed: () =>
          topics.toPlayer({
            account: uuidText(account),
            schema: ChangedSchema,
            message: create(ChangedSchema, { asset: "wood", cause: `transaction ${nth}` }),
          }),
        rolledBack: () => undefined,
      };
    },
  });
  try {
    domain.start();
    await domain.send(gathered(1n));
    await domain.untilAcked(1);
    await expect.poll(() => heard).toEqual(["transaction 1"]);
    // The batch, five attempts of the one alone, its letter (8); the other alone.
    await domain.send(gathered(3n), gathered(poison));
    await domain.untilAcked(2);
    const [, ofOther, ofLetter] = await expect
      .poll(() => heard)
      .toHaveLength(3)
      .then(() => heard);
    expect([ofOther, ofLetter]).toEqual(["transaction 3", "transaction 9"]);
    // Committed, and nobody was told: the second time finds what was done.
    domain.proxy.swallowNextCommit();
    await domain.send(gathered(4n));
    await domain.untilAcked(3);
    await expect.poll(() => heard.slice(3)).toEqual(["transaction 11"]);
  } finally {
    topics.stop();
    await domain.close();
    await bus.close();
  }
});
