import { createSendToHex, type SendToHexOptions } from "@hexhold/domain";
import { SpawnSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { uuidBytes } from "@hexhold/messaging";
import type { SendSpawn } from "./spawn-relay.ts";

/** Sends once, by the route table of the connection there is. */
export function createSendSpawn(options: SendToHexOptions): SendSpawn {
  const send = createSendToHex(options);
  return async (duty) => {
    const answer = await send(SpawnSchema, { playerId: uuidBytes(duty.accountId) }, duty);
    if (answer?.case === "applied") return "spawned";
    if (answer?.case === "refused" && answer.value.reason === "already-spawned") return "spawned";
    if (answer?.case === "refused" && answer.value.reason === "hex-full") return "hex-full";
    if (answer?.case === "error" && answer.value.reason === "hex-quarantined") {
      return "hex-quarantined";
    }
    return "unsure";
  };
}
