import type { Envelope } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { serviceNamed } from "./services.ts";

/**
 * Who sent a command: a gateway speaks for a client when it names an account, else for itself; a router puts
 * back what a gateway sent. From any other producer an account is not taken.
 */
export function senderOf(envelope: Envelope): Sender {
  const service = envelope.producer?.service ?? "";
  const hasAccount = envelope.accountId.length > 0;
  if (service === "gateway" || (service === "router" && hasAccount)) {
    return hasAccount ? Sender.CLIENT : Sender.GATEWAY;
  }
  return hasAccount ? Sender.UNSPECIFIED : (serviceNamed(service)?.sender ?? Sender.UNSPECIFIED);
}
