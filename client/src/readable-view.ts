/** The view of games that have none of their own: the readable document of a hex. */
import { fromBinary } from "@bufbuild/protobuf";
import { type ReadableView, ReadableViewSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { viewContractOf, type ViewFold } from "./view-fold.ts";

/** An event leaves the document unknown, so after each one the full state is asked for, at a limited pace. */
export const readableView: ViewFold<ReadableView> = {
  reads: [viewContractOf(ReadableViewSchema)],
  decode: (bytes) => fromBinary(ReadableViewSchema, bytes),
  apply: () => undefined,
  agrees: (folded, state) => folded.json === state.json,
};
