/** What a message of the market is about, before it is handled. */
import type { DomainMessage } from "@hexhold/domain";
import {
  CancelOrderSchema,
  EndOrdersSchema,
  HaltBookSchema,
  PlaceOrderSchema,
} from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { EndHoldSchema } from "@hexhold/gen/hexhold/market/v1/steps_pb";
import { uuidText } from "@hexhold/messaging";

const writing = new Set(
  [PlaceOrderSchema, CancelOrderSchema, EndHoldSchema, HaltBookSchema, EndOrdersSchema].map(
    ({ typeName }): string => typeName,
  ),
);
const paced = new Set([PlaceOrderSchema.typeName, CancelOrderSchema.typeName].map(String));

/** The book that a message may change; undefined: it reads. */
export function writtenBookOf({ message }: DomainMessage): string | undefined {
  if (!writing.has(message.$typeName)) return undefined;
  return (message as unknown as { readonly book: string }).book;
}

/** The account whose commands are counted, as UUID text; undefined: they are not. */
export function pacedAccountOf({ message, envelope }: DomainMessage): string | undefined {
  return paced.has(message.$typeName) ? uuidText(envelope.accountId) : undefined;
}
