/** The player of a session, in whatever game: its commands are sent to the hex where it lives, and follow it. */
import { isMessage, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import {
  type Enter,
  EnterSchema,
  type Leave,
  LeaveSchema,
  type Locate,
  LocateSchema,
  type NotResidentDetail,
  NotResidentDetailSchema,
  type TransferResult,
  TransferSchema,
} from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import type { Key } from "@hexhold/hex";
import type { Client, ObserveOutcome, SendOptions } from "./client.ts";
import type { Applied, Failed, OutcomeOf, Refused } from "./outcome.ts";
import { type TransferEnded, transferEnd } from "./transfer-end.ts";

/** What a transfer came to; applied: it has ended, and how. */
export type TransferOutcome =
  | (Applied<TransferResult> & TransferEnded)
  | Refused<NotResidentDetail | undefined>
  | Failed;

/** `Observed`: as of the client. */
export interface Player<Observed = Uint8Array> {
  /** Where it lives, as far as is known: what `welcome` said, or where a hex said that it went. */
  readonly key: Key;
  /**
   * Sends a game's command to the hex where the player lives. A hex that it has left says where it went, in commands
   * whose contract has the detail `NotResidentDetail`: the command goes on there, three hexes at most; while the player
   * is on its way, the command waits.
   */
  send<T extends Message>(
    schema: GenMessage<T>,
    init?: MessageInitShape<GenMessage<NoInfer<T>>>,
    options?: SendOptions,
  ): Promise<OutcomeOf<T>>;
  /** As {@link Client.sendLatest}, to the hex where the player is believed to live. */
  sendLatest<T extends Message>(
    schema: GenMessage<T>,
    init: MessageInitShape<GenMessage<NoInfer<T>>>,
    onOutcome?: (outcome: OutcomeOf<T>) => void,
  ): void;
  enter(options?: SendOptions): Promise<OutcomeOf<Enter>>;
  leave(options?: SendOptions): Promise<OutcomeOf<Leave>>;
  /** Asks where the player lives, and follows it there; applied: in `key`, and whether it is online. */
  locate(options?: SendOptions): Promise<OutcomeOf<Locate>>;
  /** As {@link Client.observe}, of the hex where the player is believed to live. */
  observe(options?: SendOptions): Promise<ObserveOutcome<Observed>>;
  /**
   * Goes to a neighbouring hex, and resolves when the player has arrived (`key` is then the new hex) or is back.
   * Watches both hexes meanwhile. `end: "unknown"`: neither was to be learnt in the time given (default 30 s).
   */
  transfer(to: Key, options?: SendOptions): Promise<TransferOutcome>;
}

/** Hexes that are asked one after another where a player went. */
const hopsMax = 3;
/** A player in transit arrives or is back: asked again so often at most, after the time that the hex names. */
const transitTriesMax = 50;
const transferMsMax = 30_000;

/** Makes the player of a client that is welcome. Throws when the server named no hex where it lives. */
export function createPlayer<Observed>(client: Client<unknown, Observed>): Player<Observed> {
  const { residence, accountId } = client.welcome ?? {};
  if (residence === undefined || accountId === undefined) {
    throw new TypeError("the welcome names no hex of residence");
  }
  let key = residence;

  const follow = async <T extends Message>(
    schema: GenMessage<T>,
    init?: MessageInitShape<GenMessage<NoInfer<T>>>,
    options?: SendOptions,
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
    send: follow,
    sendLatest: (schema, init, onOutcome) => client.sendLatest(schema, key, init, onOutcome),
    enter: (options) => follow(EnterSchema, {}, options),
    leave: (options) => follow(LeaveSchema, {}, options),
    locate: (options) => follow(LocateSchema, {}, options),
    observe: (options) => client.observe(key, options),
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
  };
}

/** Of a refusal of whatever game: the detail is the platform's. */
function wentTo({ reason, detail }: Refused<unknown>): Key | undefined {
  if (reason !== "not-resident" || !isMessage(detail, NotResidentDetailSchema)) return undefined;
  const { wentToHexId, wentToLayerId } = detail;
  return wentToHexId === 0n ? undefined : { hexId: wentToHexId, layerId: wentToLayerId };
}
