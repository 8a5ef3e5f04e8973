/** How a player's transfer ends: seen in the events of both hexes, or asked for when they stay silent. */
import { fromBinary } from "@bufbuild/protobuf";
import { LocateSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { PlayerArrivedSchema, PlayerReturnedSchema } from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { type Key, keyText } from "@hexhold/hex";
import { backoffMs } from "./backoff.ts";
import { compareBytes } from "./bytes.ts";
import type { Client } from "./client.ts";
import type { Subscription } from "./subscriptions.ts";

export type TransferEnded =
  | { readonly end: "arrived" }
  /** `reason`: `hex-full`, `cancelled`; empty where it was not seen. */
  | { readonly end: "returned"; readonly reason: string }
  | { readonly end: "unknown" };

export interface TransferUnderWay {
  readonly number: bigint;
  /** Where it began, and the version of that hex after it. */
  readonly from: { readonly key: Key; readonly hexVersion: number };
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

export interface TransferWatch {
  until(transfer: TransferUnderWay): Promise<TransferEnded>;
  close(): void;
}

/** Between two questions to the hexes, when no event has told. */
const askMs = { baseMs: 300, maxMs: 2000 };
/** An answer may come before the event that tells more: events gather for some milliseconds on their way. */
const eventMsMax = 250;

/**
 * Watches `from`, where the player is believed to live, and `to` from now on.
 * @param player That of the client's session: hexes say of no other whether it lives there.
 */
export function transferEnd(
  client: Pick<Client<unknown>, "send" | "subscribe" | "view">,
  player: Uint8Array,
  from: Key,
  to: Key,
): TransferWatch {
  const seen: { number: bigint; ended: TransferEnded }[] = [];
  /** A full state has come: what led to it was not told as an event. */
  let isToBeAsked = false;
  let notice = Promise.withResolvers<void>();
  const subscriptions: Subscription[] = [];
  const watched = new Set<string>();
  const watch = (key: Key): void => {
    watched.add(keyText(key));
    // A hex that is watched already tells its state at once: that is no news.
    let isNews = client.view(key) === undefined;
    subscriptions.push(
      client.subscribe([key], (update) => {
        const found = "event" in update ? endIn(update.event, player) : undefined;
        const isState = update.kind === "state" && isNews;
        isNews = true;
        if (found !== undefined) seen.push(found);
        if (isState) isToBeAsked = true;
        if (found === undefined && !isState) return;
        notice.resolve();
        notice = Promise.withResolvers();
      }),
    );
  };
  watch(to);
  watch(from);

  async function ask({ from: origin }: TransferUnderWay): Promise<TransferEnded | undefined> {
    for (const key of [to, origin.key]) {
      const answer = await client.send(LocateSchema, key, {}, { ordered: false, timeoutMs: 2000 });
      if (answer.outcome !== "applied") continue;
      if (key === to) return { end: "arrived" };
      if (answer.hexVersion > origin.hexVersion) return { end: "returned", reason: "" };
    }
    return undefined;
  }

  const toldOf = (number: bigint): TransferEnded | undefined =>
    seen.find((item) => item.number === number)?.ended;

  /** What is told of that transfer, waited for a moment. */
  async function waitFor(number: bigint): Promise<TransferEnded | undefined> {
    const untilMs = performance.now() + eventMsMax;
    for (;;) {
      const ended = toldOf(number);
      const leftMs = untilMs - performance.now();
      if (ended !== undefined || leftMs <= 0) return ended;
      await Promise.race([
        notice.promise,
        new Promise<void>((resolve) => setTimeout(resolve, leftMs)),
      ]);
    }
  }

  return {
    async until(transfer) {
      const { number, from: origin, timeoutMs, signal } = transfer;
      if (!watched.has(keyText(origin.key))) watch(origin.key);
      const untilMs = performance.now() + timeoutMs;
      for (let tries = 0; ;) {
        const asked = isToBeAsked ? await ask(transfer) : undefined;
        isToBeAsked = false;
        // What was told says more than what was asked for: why a player came back.
        if (asked?.end === "returned") return (await waitFor(number)) ?? asked;
        const ended = toldOf(number) ?? asked;
        if (ended !== undefined) return ended;
        signal?.throwIfAborted();
        const leftMs = untilMs - performance.now();
        if (leftMs <= 0) return { end: "unknown" };
        const waitMs = Math.min(backoffMs(tries, askMs), leftMs);
        const told = await Promise.race([
          notice.promise.then(() => true),
          new Promise<false>((resolve) => setTimeout(resolve, waitMs, false)),
        ]);
        if (told) continue;
        isToBeAsked = true;
        tries++;
      }
    },
    close() {
      for (const subscription of subscriptions) subscription.close();
    },
  };
}

function endIn(
  { type, payload }: { readonly type: string; readonly payload: Uint8Array },
  player: Uint8Array,
): { number: bigint; ended: TransferEnded } | undefined {
  if (type === "evt.hex.player-arrived") {
    const { playerId, number } = fromBinary(PlayerArrivedSchema, payload);
    return compareBytes(playerId, player) === 0 ? { number, ended: { end: "arrived" } } : undefined;
  }
  if (type === "evt.hex.player-returned") {
    const { playerId, number, reason } = fromBinary(PlayerReturnedSchema, payload);
    if (compareBytes(playerId, player) !== 0) return undefined;
    return { number, ended: { end: "returned", reason } };
  }
  return undefined;
}
