/** Tells gateways at once what they would otherwise learn a few seconds later. */
import { create, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { BanState, EndedLogin, PublicKey } from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import {
  BannedSchema,
  file_hexhold_accounts_v1_events,
  KeyAddedSchema,
  LoggedOutSchema,
} from "@hexhold/gen/hexhold/accounts/v1/events_pb";
import { ViewBatchSchema } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import {
  accountsTopic,
  type Bus,
  createMessageRegistry,
  encodeEnvelope,
  uuidv7Bytes,
} from "@hexhold/messaging";
import type { Producer } from "./producer.ts";

/** Each is told once, unconfirmed, and may be lost. */
export interface Announce {
  banned(accountId: string, ban: BanState): void;
  loggedOut(accountId: string, login: EndedLogin): void;
  keyAdded(key: PublicKey): void;
}

export function createAnnounce(bus: Bus, producer: Producer, worldNow: () => number): Announce {
  const registry = createMessageRegistry([file_hexhold_accounts_v1_events]);

  function tell<T extends Message>(schema: GenMessage<T>, event: T, subject: string): void {
    const { type, messageVersion } = registry.bySchema(schema);
    const nowMs = Math.floor(worldNow());
    const envelope = encodeEnvelope({
      type,
      messageVersion,
      eventId: uuidv7Bytes(nowMs),
      producer,
      tsMs: nowMs,
      payload: toBinary(schema, event),
      subject,
    });
    const batch = create(ViewBatchSchema, { events: [{ event: envelope }] });
    bus.publishView([accountsTopic], { type: "view.v1", body: toBinary(ViewBatchSchema, batch) });
  }

  return {
    banned: (accountId, ban) => tell(BannedSchema, create(BannedSchema, { ban }), accountId),
    loggedOut: (accountId, login) =>
      tell(LoggedOutSchema, create(LoggedOutSchema, { login }), accountId),
    keyAdded: (key) => tell(KeyAddedSchema, create(KeyAddedSchema, { key }), key.kid),
  };
}
