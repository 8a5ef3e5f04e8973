/** Bytes of `topic.v1`, the body of what travels to players by their topics. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type TopicBatch, TopicBatchSchema } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { decoding } from "./wire-fields.ts";

export interface TopicPlace {
  readonly topic: string;
  /** 0 = not numbered. */
  readonly seq: bigint;
}

export interface TopicEventFields extends TopicPlace {
  /** Encoded envelope. */
  readonly event: Uint8Array;
}

export function encodeTopics(batch: {
  readonly events: readonly TopicEventFields[];
  readonly marks: readonly TopicPlace[];
}): Uint8Array {
  return toBinary(
    TopicBatchSchema,
    create(TopicBatchSchema, { events: [...batch.events], marks: [...batch.marks] }),
  );
}

/** Throws {@link DecodeError}. */
export function decodeTopics(bytes: Uint8Array): TopicBatch {
  return decoding("a topic batch", () => fromBinary(TopicBatchSchema, bytes));
}
