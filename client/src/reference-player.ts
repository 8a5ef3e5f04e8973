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
  type TransferResult,
  TransferSchema,
} from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import type { Resource } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import type { Key } from "@hexhold/hex";
import type { Client, SendOptions } from "./client.ts";
import type { Applied, Failed, OutcomeOf, Refused } from "./outcome.ts";
import { type TransferEnded, transferEnd } from "./transfer-end.ts";

declare module "./outcome.ts" {
  interface CommandTypes {
    "hexhold.hex.v1.Enter": { result: EnterResult; detail: NotResidentDetail };
    "hexhold.hex.v1.Leave": { detail: NotResidentDetail };
    "hexhold.hex.v1.Move": { detail: NotResidentDetail };
    "hexhold.hex.v1.Gather": { result: GatherResult; detail: NotResidentDetail };
    "hexhold.hex.v1.Observe": { result: HexView };
    "hexhold.hex.v1.Transfer": { result: TransferResult; detail: NotResidentDetail };
  }
}

/** What a transfer came to; applied: it has ended, and how. */
export type TransferOutcome =
  | (Applied<TransferResult> & TransferEnded)
  | Refused<NotResidentDetail | undefined>
  | Failed;

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
   * Goes to a neighbouring hex, and resolves when the player has arrived (`key` is then the new hex) or is back.
   * Watches both hexes meanwhile. `end: "unknown"`: neither was to be learnt in the time given (default 30 s).
   */
  transfer(to: Key, options?: SendOptions): Promise<TransferOutcome>;
  /**
   * Walks to a place, in thousandths of the hex's inradius east and north of its centre. Fire and forget, the
   * newest place counts; `onOutcome` hears of the moves that were sent.
   */
  move(x: number, y: number, onOutcome?: (outcome: OutcomeOf<Move>) => void): void;
}

/** Hexes that are asked one after another where a player went. */
const hopsMax = 3;
/** A player in transit arrives or is back: asked again so often at most, after the time that the hex names. */
const transitTriesMax = 50;
const transferMsMax = 30_000;

/** Makes the player of a client that is welcome. Throws when the server named no hex where it lives. */
export function createReferencePlayer<V>(client: Client<V>): ReferencePlayer {
  const { residence, accountId } = client.welcome ?? {};
  if (residence === undefined || accountId === undefined) {
    throw new TypeError("the welcome names no hex of residence");
  }
  let key = residence;

  const follow = async <T extends Message>(
    schema: GenMessage<T>,
    init: MessageInitShape<GenMessage<T>>,
    options: SendOptions | undefined,
  ): Promise<OutcomeOf<T>> => {
    let hops = 0;
    for (let tries = 1; ; tries++) {
      const outcome = await client.send(schema, key, init, options);
      if (outcome.outcome !== "refused") return outcome;
      if (outcome.reason === "in-transit" && options?.requestId === undefined) {
        if (tries >= transitTriesMax) return outcome;
        await new Promise((resolve) => setTimeout(resolve, outcome.retryAfterMs));
        continue;
      }
      const next = wentTo(outcome);
      if (next === undefined || hops++ === hopsMax) return outcome;
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
    async transfer(to, options) {
      // Watched before it begins: what happens is seen as it happens.
      const watch = transferEnd(client, accountId, key, to);
      try {
        const { hexId: toHexId, layerId: toLayerId } = to;
        const outcome = await follow(TransferSchema, { toHexId, toLayerId }, options);
        if (outcome.outcome !== "applied") return outcome;
        const { timeoutMs = transferMsMax, signal } = options ?? {};
        const { number } = outcome.result;
        const from = { key, hexVersion: outcome.hexVersion };
        const ended = await watch.until({ number, from, timeoutMs, signal });
        if (ended.end === "arrived") key = to;
        return { ...outcome, ...ended };
      } finally {
        watch.close();
      }
    },
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
