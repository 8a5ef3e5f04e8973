import { type Key, keyBytes, keyText } from "@hexhold/hex";
import { domainQueueOf, type RouteTable, routeOf } from "@hexhold/messaging";

/** Where a command goes: to a hex, or to a domain service, about an account. */
export type CommandTarget =
  | { readonly key: Key }
  | { readonly service: string; readonly subject: string };

/** Queue of a target; of a hex it is that of its slot. */
export function queueOf(target: CommandTarget, routes: RouteTable): string {
  return "key" in target
    ? routeOf(target.key, routes)
    : domainQueueOf(target.service, target.subject);
}

/** For maps and order keys: key text, or service and subject. */
export function targetText(target: CommandTarget): string {
  return "key" in target ? keyText(target.key) : `${target.service} ${target.subject}`;
}

/** What the idempotency key has of it. */
export function targetBytes(target: CommandTarget): Uint8Array {
  return "key" in target ? keyBytes(target.key) : Buffer.from(target.subject);
}
