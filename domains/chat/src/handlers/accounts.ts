/** What accounts there are, and where hexes say that their players live. */
import type { Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { type DomainMessage, onEvents } from "@hexhold/domain";
import { RegisteredSchema } from "@hexhold/gen/hexhold/accounts/v1/events_pb";
import { PlayerEnteredSchema, PlayerSpawnedSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { PlayerArrivedSchema } from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { keyText } from "@hexhold/hex";
import { keyOfWire, uuidText } from "@hexhold/messaging";
import { storeRegistrations, storeResidences } from "../store/speaker-rows.ts";
import { named, type NamedHandler } from "./named-handler.ts";

/** Any of them may be the first that is heard of an account. */
export const accounts: readonly NamedHandler[] = [
  named(
    RegisteredSchema,
    ({ message: { accountId } }) => named16(accountId),
    (schema) =>
      onEvents(schema, (transaction, events) =>
        storeRegistrations(
          transaction,
          events.map(({ message: { accountId: account, name, atMs } }) => ({
            account,
            name,
            atMs,
          })),
        ),
      ),
  ),
  lives(PlayerSpawnedSchema, () => 0n, false),
  lives(PlayerArrivedSchema, ({ number }) => number, true),
  lives(PlayerEnteredSchema, ({ number }) => number, true),
];

function lives<T extends Message & { readonly playerId: Uint8Array }>(
  schema: GenMessage<T>,
  numberOf: (message: T) => bigint,
  hasEntered: boolean,
): NamedHandler {
  return named(
    schema,
    ({ message: { playerId } }) => named16(playerId),
    (of) =>
      onEvents(of, (transaction, events) =>
        storeResidences(
          transaction,
          events.map((event) => ({
            account: event.message.playerId,
            hex: hexOf(event),
            number: numberOf(event.message),
            hasEntered,
          })),
        ),
      ),
  );
}

function named16(id: Uint8Array): { readonly account?: string; readonly make?: boolean } {
  return id.length === 16 ? { account: uuidText(id), make: true } : {};
}

function hexOf({ envelope }: DomainMessage): string {
  if (envelope.producer?.service !== "worker") throw new TypeError("no worker has said this");
  if (envelope.key === undefined) {
    throw new TypeError(`${envelope.type} without the key of its hex`);
  }
  return keyText(keyOfWire(envelope.key));
}
