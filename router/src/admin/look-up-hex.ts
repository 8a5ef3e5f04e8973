import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { GetHexResponseSchema } from "@hexhold/gen/hexhold/admin/v1/admin_pb";
import type {
  InspectHexRequest,
  InspectHexResponse,
} from "@hexhold/gen/hexhold/control/v1/process_pb";
import {
  type Key,
  bucketOf,
  cellFault,
  keyText,
  parseKeyText,
  partitionOf,
  slotOfPartition,
} from "@hexhold/hex";

export interface HexLookup {
  readonly partitions: number;
  /** Slot of a key that was moved, from PostgreSQL; undefined = it is at home. */
  readonly movedSlot: (bucket: number, key: Key) => Promise<string | undefined>;
  readonly ownerOf: (slot: string) =>
    | {
        readonly instance: string;
        readonly epoch: bigint;
        /** Undefined = the owner has not registered with this router. */
        readonly controlUrl: string | undefined;
      }
    | undefined;
  /** Asks a worker; bounded in time. */
  readonly inspectHex: (
    controlUrl: string,
    hex: Pick<InspectHexRequest, "hexId" | "layerId">,
  ) => Promise<InspectHexResponse>;
}

/**
 * Where a hex is and, when it is in the memory of its owner, its state. Throws INVALID_ARGUMENT for what
 * is no key. That the owner cannot be asked is part of the answer (`note`), not an error: everything
 * else is still true.
 */
export async function lookUpHex(
  text: string,
  lookup: HexLookup,
): Promise<MessageInitShape<typeof GetHexResponseSchema>> {
  const key = parse(text);
  const bucket = bucketOf(key);
  const home = slotOfPartition(partitionOf(key, lookup.partitions));
  const moved = await lookup.movedSlot(bucket, key).catch(() => undefined);
  const slot = moved ?? home;
  const known = { key: keyText(key), slot, bucket };
  const owner = lookup.ownerOf(slot);
  if (owner === undefined) return { ...known, note: `nobody owns ${slot} now` };
  const found = { ...known, owner: owner.instance, epoch: owner.epoch };
  if (owner.controlUrl === undefined) {
    return { ...found, note: `${owner.instance} has not registered here, so it cannot be asked` };
  }
  try {
    const hex = await lookup.inspectHex(owner.controlUrl, key);
    return {
      ...found,
      epoch: hex.epoch === 0n ? owner.epoch : hex.epoch,
      hexVersion: hex.hexVersion,
      active: hex.active,
      readableJson: hex.readableJson,
      stateHash: hex.stateHash,
      quarantined: hex.quarantined,
      note: hex.active ? "" : `not in the memory of ${owner.instance}: its first command loads it`,
    };
  } catch (error) {
    const { rawMessage } = ConnectError.from(error);
    return { ...found, note: `${owner.instance} does not answer: ${rawMessage}` };
  }
}

function parse(text: string): Key {
  let key: Key;
  try {
    key = parseKeyText(text);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new ConnectError(detail, Code.InvalidArgument);
  }
  const fault = cellFault(key.hexId);
  if (fault === undefined) return key;
  throw new ConnectError(
    `${text} is no hex of the world (${fault}): an H3 cell of resolution 6 is needed`,
    Code.InvalidArgument,
  );
}
