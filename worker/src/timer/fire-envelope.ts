import { create, toBinary } from "@bufbuild/protobuf";
import { FireSchema } from "@hexhold/gen/hexhold/hex/v1/timer_pb";
import { keyBytes } from "@hexhold/hex";
import { encodeEnvelope, idempotencyKeyOf } from "@hexhold/messaging";
import type { ProducerIdentity } from "../slot/commit-plan.ts";
import type { DueTimer } from "./slot-timers.ts";

const type = "cmd.hex.fire";

/**
 * The command by which a hex hears of its timer. A new request each time: one that was dead-lettered has another
 * chance, and one that comes twice is refused by the state.
 *
 * @param id of request and event: a new UUIDv7.
 */
export function fireEnvelope(
  due: DueTimer,
  producer: ProducerIdentity,
  nowMs: number,
  id: Uint8Array,
): Uint8Array {
  const { key, timer, dueMs, armedVersion } = due;
  const payload = toBinary(
    FireSchema,
    create(FireSchema, { timer, dueMs: BigInt(dueMs), armedVersion: BigInt(armedVersion) }),
  );
  return encodeEnvelope({
    type,
    messageVersion: 1,
    key,
    requestId: id,
    eventId: id,
    correlationId: id,
    producer,
    tsMs: Math.floor(nowMs),
    idempotencyKey: idempotencyKeyOf({
      accountId: undefined,
      requestId: id,
      type,
      target: keyBytes(key),
    }),
    payload,
  });
}
