import { create, toBinary } from "@bufbuild/protobuf";
import { SpawnSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { keyBytes } from "@hexhold/hex";
import {
  encodeEnvelope,
  idempotencyKeyOf,
  type Requester,
  type RouteTable,
  routeOf,
  uuidBytes,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { newTraceparent } from "@hexhold/telemetry";
import type { Producer } from "../producer.ts";
import type { SendSpawn } from "./spawn-relay.ts";

export interface SendSpawnOptions {
  readonly requester: Requester;
  readonly routes: () => RouteTable | undefined;
  readonly worldNow: () => number;
  readonly producer: Producer;
}

const type = "cmd.hex.spawn";
const answerMsMax = 5000;

/** Sends once, by the route table of the connection there is. */
export function createSendSpawn(options: SendSpawnOptions): SendSpawn {
  const { requester, producer } = options;
  return async (duty) => {
    const routes = options.routes();
    if (routes === undefined) return "unsure";
    const nowMs = Math.floor(options.worldNow());
    const requestId = uuidBytes(duty.requestId);
    const eventId = uuidv7Bytes(nowMs);
    const spawn = create(SpawnSchema, { playerId: uuidBytes(duty.accountId) });
    const outcome = await requester.request({
      queue: routeOf(duty.key, routes),
      routeVersion: routes.routeVersion,
      eventId,
      timeoutMs: answerMsMax,
      envelope: encodeEnvelope({
        type,
        messageVersion: 1,
        key: duty.key,
        requestId,
        eventId,
        correlationId: requestId,
        producer,
        tsMs: nowMs,
        idempotencyKey: idempotencyKeyOf({
          accountId: undefined,
          requestId,
          type,
          target: keyBytes(duty.key),
        }),
        payload: toBinary(SpawnSchema, spawn),
        deadlineMs: nowMs + 2 * answerMsMax,
        traceparent: newTraceparent(false),
      }),
    });
    const answer = outcome.case === "answered" ? outcome.answer.outcome : undefined;
    if (answer?.case === "applied") return "spawned";
    if (answer?.case === "refused" && answer.value.reason === "already-spawned") return "spawned";
    if (answer?.case === "refused" && answer.value.reason === "hex-full") return "hex-full";
    return "unsure";
  };
}
