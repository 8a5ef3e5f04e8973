/** Gives a hex to an account, as governance does after an election. */
import { create, toBinary } from "@bufbuild/protobuf";
import { SetOwnerSchema } from "@hexhold/gen/hexhold/ownership/v1/ownership_pb";
import { type Key, keyBytes, partitionOf, slotOfPartition } from "@hexhold/hex";
import {
  createAmqpBus,
  encodeBatch,
  encodeEnvelope,
  idempotencyKeyOf,
  uuidv7Bytes,
} from "@hexhold/messaging";
import type { World } from "@hexhold/testing";
import { expect } from "vitest";

/** Of a world of the cluster profile with 8 partitions, as in development. */
const partitions = 8;

export async function setOwner(
  world: World,
  key: Key,
  owner: Uint8Array,
  number: bigint,
  untilMs: number,
): Promise<void> {
  const bus = createAmqpBus({ url: world.status().services["rabbitmq"]!.url, appId: "host/test" });
  try {
    await expect.poll(() => bus.state.mode, { timeout: 10_000 }).toBe("connected");
    const type = "cmd.hex.set-owner";
    const requestId = uuidv7Bytes();
    const target = keyBytes(key);
    const message = create(SetOwnerSchema, {
      number,
      owner,
      untilMs: BigInt(untilMs),
      electionId: uuidv7Bytes(),
    });
    const envelope = encodeEnvelope({
      type,
      messageVersion: 1,
      key,
      requestId,
      eventId: uuidv7Bytes(),
      correlationId: requestId,
      producer: { service: "governance", version: "1", instance: "governance-1" },
      tsMs: Date.now(),
      idempotencyKey: idempotencyKeyOf({ accountId: undefined, requestId, type, target }),
      payload: toBinary(SetOwnerSchema, message),
    });
    const body = encodeBatch({ routeVersion: 1n, envelopes: [envelope] });
    const slot = slotOfPartition(partitionOf(key, partitions));
    expect(await bus.publish(slot, { type: "batch.v1", body })).toBe("confirmed");
  } finally {
    await bus.close();
  }
}
