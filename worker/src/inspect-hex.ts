import type { InspectHexRequest } from "@hexhold/gen/hexhold/control/v1/process_pb";
import { keyText } from "@hexhold/hex";
import { sha256, uuidText } from "@hexhold/messaging";
import type { SlotRunner } from "./slot/slot-runner.ts";

/** What operators see of one hex: from memory only, nothing is activated by looking. */
export async function inspectHex(
  request: InspectHexRequest,
  slots: ReadonlyMap<string, SlotRunner>,
) {
  const text = keyText(request);
  for (const runner of slots.values()) {
    const quarantined = runner.table.quarantined.get(text)?.reason;
    if (quarantined !== undefined) return { active: false, quarantined };
    const hex = [...runner.table].find((item) => item.keyText === text);
    const captured = hex === undefined ? undefined : (await runner.capture([text]))[0];
    if (hex === undefined || captured === undefined) continue;
    return {
      active: true,
      hexVersion: BigInt(captured.hexVersion),
      epoch: runner.epoch,
      activationId: uuidText(hex.activationId),
      viewSeq: BigInt(captured.viewSeq),
      readableJson: captured.readable,
      stateHash: Buffer.from(sha256(captured.durable)).toString("hex"),
      volatileCount: BigInt(captured.volatileCount),
    };
  }
  return { active: false };
}
