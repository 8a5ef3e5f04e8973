/** A player of the reference game: its commands by name, sent to the hex where it lives. */
import type { Message, MessageInitShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import {
  type Enter,
  type EnterResult,
  EnterSchema,
  type Gather,
  type GatherResult,
  GatherSchema,
  type HexView,
  type Leave,
  LeaveSchema,
  type Move,
  MoveSchema,
  type NotResidentDetail,
  type Observe,
  ObserveSchema,
} from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import type { Resource } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import type { Key } from "@hexhold/hex";
import type { Client, SendOptions } from "./client.ts";
import type { OutcomeOf } from "./outcome.ts";

declare module "./outcome.ts" {
  interface CommandTypes {
    "hexhold.hex.v1.Enter": { result: EnterResult; detail: NotResidentDetail };
    "hexhold.hex.v1.Leave": { detail: NotResidentDetail };
    "hexhold.hex.v1.Move": { detail: NotResidentDetail };
    "hexhold.hex.v1.Gather": { result: GatherResult; detail: NotResidentDetail };
    "hexhold.hex.v1.Observe": { result: HexView };
  }
}

export interface ReferencePlayer {
  /** Where it lives, as far as is known: what `welcome` said, or where a hex said that it went. */
  readonly key: Key;
  enter(options?: SendOptions): Promise<OutcomeOf<Enter>>;
  leave(options?: SendOptions): Promise<OutcomeOf<Leave>>;
  gather(
    resource: Resource,
    amount: number | bigint,
    options?: SendOptions,
  ): Promise<OutcomeOf<Gather>>;
  observe(options?: SendOptions): Promise<OutcomeOf<Observe>>;
  /**
   * Walks to a place, in thousandths of the hex's inradius east and north of its centre. Fire and forget, the
   * newest place counts; `onOutcome` hears of the moves that were sent.
   */
  move(x: number, y: number, onOutcome?: (outcome: OutcomeOf<Move>) => void): void;
}

/** Hexes that are asked one after another where a player went. */
const hopsMax = 3;

/** Makes the player of a client that is welcome. Throws when the server named no hex where it lives. */
export function createReferencePlayer<V>(client: Client<V>): ReferencePlayer {
  const residence = client.welcome?.residence;
  if (residence === undefined) throw new TypeError("the welcome names no hex of residence");
  let key = residence;

  const follow = async <T extends Message>(
    schema: GenMessage<T>,
    init: MessageInitShape<GenMessage<T>>,
    options: SendOptions | undefined,
  ): Promise<OutcomeOf<T>> => {
    for (let hops = 0; ; hops++) {
      const outcome = await client.send(schema, key, init, options);
      const next = wentTo(outcome);
      if (next === undefined || hops === hopsMax) return outcome;
      key = next;
    }
  };

  return {
    get key() {
      return key;
    },
    enter: (options) => follow(EnterSchema, {}, options),
    leave: (options) => follow(LeaveSchema, {}, options),
    gather: (resource, amount, options) =>
      follow(GatherSchema, { resource, amount: BigInt(amount) }, options),
    observe: (options) => client.send(ObserveSchema, key, {}, options),
    move: (x, y, onOutcome) =>
      client.sendLatest(MoveSchema, key, { x: Math.round(x), y: Math.round(y) }, onOutcome),
  };
}

function wentTo<T extends Message>(outcome: OutcomeOf<T>): Key | undefined {
  if (outcome.outcome !== "refused" || outcome.reason !== "not-resident") return undefined;
  const detail = outcome.detail as Partial<NotResidentDetail> | undefined;
  const hexId = detail?.wentToHexId ?? 0n;
  return hexId === 0n ? undefined : { hexId, layerId: detail?.wentToLayerId ?? 0 };
}
