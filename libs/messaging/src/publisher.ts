/** Who published a queue message, by the broker's word, and in whose names it may speak. Pure. */
import type { Envelope } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { letterType } from "./dead-letter.ts";
import { serviceNamed } from "./services.ts";

/** As far as a bus knows. */
export type Publisher =
  /** Nobody is told apart: there are no users in one process, nor where all processes share one. */
  | { readonly kind: "anyone" }
  /** A user of this service, by the broker's word. */
  | { readonly kind: "service"; readonly service: string }
  /** A user that is no service's; empty: none was named. */
  | { readonly kind: "stranger"; readonly user: string };

export const anyone: Publisher = { kind: "anyone" };

/** What an envelope's producer is to the one who published it. */
export type ProducerClaim =
  /** The same, as far as anybody knows. */
  | "own"
  /** A router brings back what another service sent once: nothing that its receiver does not know. */
  | "brought-back"
  /** Somebody speaks in another's name, or tells what is another's to tell. */
  | "forged";

const userPattern = /^hexhold_([a-z][a-z0-9-]*?)(?:_[a-z0-9]{1,16})?$/;

/** `hexhold_<service>`, also of one world among several on a broker (`hexhold_<service>_<suffix>`); undefined: no service's. */
export function serviceOfUser(user: string): string | undefined {
  return userPattern.exec(user)?.[1];
}

/** Name of the broker's user of a service. `suffix`: 1 to 16 lower-case letters and digits, of one world among several. */
export function userOfService(service: string, suffix?: string): string {
  return suffix === undefined ? `hexhold_${service}` : `hexhold_${service}_${suffix}`;
}

/** `trusted`: users that may speak for any service; the empty name: messages that name no user. */
export function publisherOfUser(user: string | undefined, trusted: ReadonlySet<string>): Publisher {
  if (trusted.has(user ?? "")) return anyone;
  const service = user === undefined ? undefined : serviceOfUser(user);
  return service === undefined
    ? { kind: "stranger", user: user ?? "" }
    : { kind: "service", service };
}

/**
 * Whether `publisher` may publish `envelope`, which names its producer, and of an event whose it is: who may send a command
 * its contract says. A bus that tells nobody apart takes everybody's word.
 */
export function claimOf(
  publisher: Publisher,
  { producer, type }: Pick<Envelope, "producer" | "type">,
): ProducerClaim {
  if (publisher.kind === "anyone") return "own";
  const named = producer?.service ?? "";
  const owner = ownerOfEvent(type);
  if (publisher.kind === "stranger" || (owner !== undefined && owner !== named)) return "forged";
  if (publisher.service === named) return "own";
  return publisher.service === "router" ? "brought-back" : "forged";
}

/**
 * Service that alone tells of `type`: `evt.<service>.<past>`, a worker for hexes, whatever their game calls them. Undefined:
 * no event, or a letter, which everybody writes.
 */
function ownerOfEvent(type: string): string | undefined {
  // Nearly all are commands.
  if (!type.startsWith("evt.") || type === letterType) return undefined;
  const [, about = ""] = type.split(".", 2);
  if (about === "edge") return "gateway";
  return serviceNamed(about)?.name ?? "worker";
}

/** What is answered to a message that is forged. */
export function forgeryText(
  { producer, type }: Pick<Envelope, "producer" | "type">,
  publisher: Publisher,
): string {
  const named = producer?.service.slice(0, 64) || "nobody";
  return `${type.slice(0, 128)} names ${named} as its producer, and was published by ${publisherText(publisher)}`;
}

/** For log lines and metrics. */
export function publisherText(publisher: Publisher): string {
  switch (publisher.kind) {
    case "anyone":
      return "anyone";
    case "service":
      return publisher.service;
    case "stranger":
      return publisher.user === "" ? "no user" : `user ${publisher.user.slice(0, 64)}`;
    default:
      return publisher satisfies never;
  }
}
