import { type MessageHandler, onEvents } from "@hexhold/domain";
import { PlayerArrivedSchema } from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { keyOfWire, uuidText } from "@hexhold/messaging";
import { moveResidence } from "../store/account-rows.ts";
import { storeIn } from "../store/database.ts";

/**
 * Keeps the hex where a player was last known to live: what its next token names. Arrivals may come in any order
 * and any number of times; the number of the transfer tells which is the newest.
 */
export function arrivals(worldNow: () => number): MessageHandler {
  return onEvents(PlayerArrivedSchema, async (transaction, events) => {
    const store = storeIn(transaction, worldNow);
    for (const { message, envelope } of events) {
      if (envelope.producer?.service !== "worker") throw new TypeError("no worker has said this");
      if (envelope.key === undefined) throw new TypeError("an arrival without the key of its hex");
      const { playerId, number } = message;
      await moveResidence(store, uuidText(playerId), keyOfWire(envelope.key), number);
    }
  });
}
