import { fromBinary } from "@bufbuild/protobuf";
import type { Envelope } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { PlayerArrivedSchema } from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { keyOfWire, uuidText } from "@hexhold/messaging";
import { moveResidence } from "../store/account-rows.ts";
import type { Database } from "../store/database.ts";

/** Handles one type of event. Rejects with a StoreOutageError when it is to be tried again. */
export interface EventHandler {
  readonly type: string;
  handle(event: Envelope): Promise<void>;
}

/**
 * Keeps the hex where a player was last known to live: what its next token names. Arrivals may come in any order
 * and any number of times; the number of the transfer tells which is the newest.
 */
export function arrivals(database: Database): EventHandler {
  return {
    type: "evt.hex.player-arrived",
    async handle({ key, payload }) {
      const { playerId, number } = fromBinary(PlayerArrivedSchema, payload);
      if (key === undefined) throw new TypeError("an arrival without the key of its hex");
      await moveResidence(database, uuidText(playerId), keyOfWire(key), number);
    },
  };
}
