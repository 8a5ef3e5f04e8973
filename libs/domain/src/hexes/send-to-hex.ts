/** Commands of a service to hexes, of which it needs the answers. Others go through its outbox (`outbox.ts`). */
import { create, type Message, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { file_hexhold_hex_v1_commands } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import type { Answer } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { type Key, keyBytes } from "@hexhold/hex";
import {
  createMessageRegistry,
  encodeEnvelope,
  idempotencyKeyOf,
  isMoving,
  type ProducerRoutes,
  type Requester,
  routeOf,
  uuidBytes,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { newTraceparent } from "@hexhold/telemetry";
import type { ProducerIdentity } from "../dead-letter.ts";

export interface SendToHexOptions {
  readonly requester: Requester;
  readonly routes: ProducerRoutes;
  /** World time, Unix milliseconds. */
  readonly worldNow: () => number;
  readonly producer: ProducerIdentity;
}

/**
 * Sends a command once, by the route table of the connection there is, and resolves with its answer; undefined: there
 * was none in time, or the hex is moving. `requestId` is UUID text: the same for every repetition. Never rejects.
 */
export type SendToHex = <T extends Message>(
  schema: GenMessage<T>,
  init: MessageInitShape<GenMessage<T>>,
  to: { readonly key: Key; readonly requestId: string },
) => Promise<Answer["outcome"] | undefined>;

const answerMsMax = 5000;

export function createSendToHex(options: SendToHexOptions): SendToHex {
  const { requester, routes, producer } = options;
  const registry = createMessageRegistry([file_hexhold_hex_v1_commands]);
  return async (schema, init, to) => {
    const { type, messageVersion } = registry.bySchema(schema);
    const nowMs = Math.floor(options.worldNow());
    const requestId = uuidBytes(to.requestId);
    const eventId = uuidv7Bytes(nowMs);
    const outcome = await requester.request({
      to() {
        const { table } = routes;
        if (table === undefined || isMoving(to.key, table)) return undefined;
        return routes.begin(routeOf(to.key, table));
      },
      eventId,
      timeoutMs: answerMsMax,
      envelope: encodeEnvelope({
        type,
        messageVersion,
        key: to.key,
        requestId,
        eventId,
        correlationId: requestId,
        producer,
        tsMs: nowMs,
        idempotencyKey: idempotencyKeyOf({
          accountId: undefined,
          requestId,
          type,
          target: keyBytes(to.key),
        }),
        payload: toBinary(schema, create(schema, init)),
        deadlineMs: nowMs + 2 * answerMsMax,
        traceparent: newTraceparent(false),
      }),
    });
    return outcome.case === "answered" ? outcome.answer.outcome : undefined;
  };
}
