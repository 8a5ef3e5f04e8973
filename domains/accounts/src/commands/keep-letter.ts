import {
  type Bus,
  domainQueueOf,
  encodeBatch,
  encodeDeadLetter,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";
import type { Producer } from "../producer.ts";
import type { KeepLetter } from "./answer-command.ts";

/** Characters of an error that a letter keeps. */
const errorLengthMax = 2000;

/**
 * Letters go straight to the router's queue: the broker's confirm is what they wait for, as the service keeps no
 * outbox for what it could not store. A letter that was confirmed and comes again has another id: operators then
 * see two, and lose none.
 */
export function createKeepLetter(
  bus: Pick<Bus, "publish">,
  queue: string,
  producer: Producer,
  worldNow: () => number,
): KeepLetter {
  return async ({ bytes, envelope, error, attempts }) => {
    const nowMs = Math.floor(worldNow());
    const eventId = uuidv7Bytes(nowMs);
    const letter = encodeDeadLetter({
      bytes,
      error: error.slice(0, errorLengthMax).replaceAll("\u0000", ""),
      attempts,
      slot: queue,
      producer,
      nowMs,
      eventId,
      cause: envelope,
    });
    const outcome = await bus.publish(domainQueueOf("router", queue), {
      type: "batch.v1",
      body: encodeBatch({ routeVersion: 0n, envelopes: [letter] }),
      messageId: uuidText(eventId),
    });
    return outcome === "confirmed";
  };
}
