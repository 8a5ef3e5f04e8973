/**
 * Frames to clients. Answers and events, which every command pays for, are written around bytes that are
 * there already; the rest uses the generated code.
 */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { ServerFrameSchema } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import type { Envelope, ViewEvent } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import type { Session } from "../connection/connection.ts";
import type { GatewayConfig } from "../gateway-config.ts";
import { bytesField, encoded, keyField, textField, uintField } from "@hexhold/messaging";

const field = { answer: 2, event: 4, topic: 8 } as const;

type Frame = NonNullable<MessageInitShape<typeof ServerFrameSchema>["frame"]>;

export function serverFrame(frame: Frame): Uint8Array {
  return toBinary(ServerFrameSchema, create(ServerFrameSchema, { frame }));
}

/** @param nowMs world time. */
export function welcomeFrame(
  { sessionId, accountId, residence }: Session,
  config: GatewayConfig,
  nowMs: number,
): Uint8Array {
  const { key } = residence;
  return serverFrame({
    case: "welcome",
    value: {
      sessionId,
      accountId,
      serverTimeMs: BigInt(Math.floor(nowMs)),
      ...(key === undefined ? {} : { residence: { hexId: key.hexId, layerId: key.layerId } }),
      limits: {
        frameBytesMax: config.frameBytesMax,
        commandsInFlightMax: config.commandsInFlightMax,
        subscriptionsMax: config.subscriptionsMax,
        commandsPerS: Math.floor(config.commandsPerS),
        commandsBurst: config.commandsBurst,
      },
    },
  });
}

/** A frame around an encoded Answer. */
export function answerFrame(answer: Uint8Array): Uint8Array {
  return encoded((writer) => writer.tag(field.answer, WireType.LengthDelimited).bytes(answer));
}

/** A frame with what an observer sees next. */
export function eventFrame(view: ViewEvent, envelope: Envelope): Uint8Array {
  return encoded((writer) => {
    writer.tag(field.event, WireType.LengthDelimited).fork();
    keyField(writer, 1, view.key);
    bytesField(writer, 2, view.activationId);
    uintField(writer, 3, view.viewSeq);
    uintField(writer, 4, view.hexVersion);
    textField(writer, 5, envelope.type);
    uintField(writer, 6, envelope.version);
    bytesField(writer, 7, envelope.payload);
    uintField(writer, 8, envelope.tsMs);
    writer.join();
  });
}

/** A frame with the next event of a topic: the same bytes for all who listen. */
export function topicFrame(topic: string, seq: bigint, envelope: Envelope): Uint8Array {
  return encoded((writer) => {
    writer.tag(field.topic, WireType.LengthDelimited).fork();
    textField(writer, 1, topic);
    uintField(writer, 2, seq);
    textField(writer, 3, envelope.type);
    uintField(writer, 4, envelope.version);
    bytesField(writer, 5, envelope.payload);
    uintField(writer, 6, envelope.tsMs);
    writer.join();
  });
}

/** A frame that says how far a topic has come. */
export function markFrame(topic: string, seq: bigint): Uint8Array {
  return serverFrame({ case: "topic", value: { topic, seq } });
}
