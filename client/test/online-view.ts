/** A view for tests of the SDK, which knows no game: how many are online, folded from who comes and goes. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type EnterResult, EnterResultSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { PlayerEnteredSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import type { ViewFold } from "../src/view-fold.ts";

export const onlineView: ViewFold<EnterResult> = {
  reads: [{ type: EnterResultSchema.typeName, version: 2 }],
  decode: (bytes) => fromBinary(EnterResultSchema, bytes),
  apply(view, { type, payload }) {
    if (type !== "evt.hex.player-entered") return undefined;
    fromBinary(PlayerEnteredSchema, payload);
    return { ...view, online: view.online + 1 };
  },
  agrees: (folded, state) => folded.online === state.online,
};

export const onlineBytes = (online: number): Uint8Array =>
  toBinary(EnterResultSchema, create(EnterResultSchema, { online }));
