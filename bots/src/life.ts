/** What a bot's life has in hand, and how its commands are told. */
import type { Client } from "@hexhold/client";
import type { HexView } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { type Resource, ResourceSchema } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import type { ReferencePlayer } from "@hexhold/reference-client";
import { type CommandEnd, type CommandKind, type Ended, endOf } from "./command-end.ts";
import type { Traits } from "./calling.ts";
import type { Random } from "./seeded-random.ts";

export interface Life {
  readonly random: Random;
  /** Steps a second while each is answered at once. */
  readonly pace: number;
  readonly onCommand: (end: CommandEnd) => void;
  readonly client: Client<HexView>;
  readonly player: ReferencePlayer;
  /** 16 bytes. */
  readonly accountId: Uint8Array;
  readonly traits: Traits;
  readonly stopping: AbortSignal;
  /** What it has gathered and not given away, as it counts, or as the inventory has said. */
  readonly carried: Map<Resource, number>;
}

/** What the inventory and the market call a resource. */
export const assetOf = (resource: Resource): string =>
  ResourceSchema.value[resource]!.localName.toLowerCase();

/** Sends, tells how it ended and in what time, and returns the outcome. */
export async function measured<O extends Ended>(
  { onCommand }: Pick<Life, "onCommand">,
  kind: CommandKind,
  send: () => Promise<O>,
): Promise<O> {
  const sentMs = performance.now();
  const outcome = await send();
  onCommand(endOf(kind, sentMs, performance.now(), outcome));
  return outcome;
}
