/** What hexes say of where players live, and of who owns them; what accounts there are. */
import type { Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { type DomainMessage, type MessageHandler, onEvents } from "@hexhold/domain";
import { RegisteredSchema } from "@hexhold/gen/hexhold/accounts/v1/events_pb";
import { PlayerEnteredSchema, PlayerSpawnedSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { PlayerArrivedSchema } from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { OwnerChangedSchema } from "@hexhold/gen/hexhold/ownership/v1/ownership_pb";
import { keyText } from "@hexhold/hex";
import { keyOfWire, uuidText } from "@hexhold/messaging";
import type { Logger } from "@hexhold/telemetry";
import type { GovernanceMetrics } from "../governance-metrics.ts";
import { type Heard, type HeardOf, residenceAfter } from "../rules/residence.ts";
import { markApplied, storeResidences } from "../store/hex-rows.ts";
import { addAccounts } from "../store/reputation-rows.ts";
import type { GovernanceWork } from "../work/governance-work.ts";
import { named, type NamedHandler } from "./named-handler.ts";

/** Each of them says where a player lives; the number of its transfers tells which is the newest. */
export const residences: readonly NamedHandler[] = [
  lives(PlayerSpawnedSchema, "spawned", () => 0n),
  lives(PlayerArrivedSchema, "arrived", ({ number }) => number),
  lives(PlayerEnteredSchema, "entered", ({ number }) => number),
];

function lives<T extends Message & { readonly playerId: Uint8Array; readonly atMs: bigint }>(
  schema: GenMessage<T>,
  how: HeardOf,
  numberOf: (message: T) => bigint,
): NamedHandler {
  const heardIn = (event: DomainMessage<T>): Heard => ({
    account: uuidText(event.message.playerId),
    hex: hexOf(event),
    number: numberOf(event.message),
    how,
    atMs: Number(event.message.atMs),
  });
  return named(
    schema,
    ({ message }) =>
      message.playerId.length === 16 ? { resident: uuidText(message.playerId) } : {},
    (of) =>
      onEvents(of, async (transaction, events, work: GovernanceWork) => {
        const changed = new Map<string, ReturnType<typeof residenceAfter>>();
        for (const event of events) {
          const heard = heardIn(event);
          const before = work.residents.get(heard.account);
          const after = residenceAfter(before, heard);
          if (after === before) continue;
          work.residents.set(heard.account, after);
          changed.set(heard.account, after);
        }
        await storeResidences(transaction, [...changed.values()]);
      }),
  );
}

export const accounts: MessageHandler<GovernanceWork> = onEvents(
  RegisteredSchema,
  (transaction, events) =>
    addAccounts(
      transaction,
      events.map(({ message }) => message),
    ),
);

export interface OwnerOptions {
  readonly metrics: Pick<GovernanceMetrics, "unknownOwners">;
  readonly logger: Logger;
}

/** A hex has taken the owner whom an election gave it. */
export function owners({ metrics, logger }: OwnerOptions): MessageHandler<GovernanceWork> {
  return onEvents(OwnerChangedSchema, async (transaction, events, work: GovernanceWork) => {
    const unknown = await markApplied(
      transaction,
      events.map((event) => {
        const { number, atMs } = event.message;
        return { hex: hexOf(event), number, atMs };
      }),
    );
    work.afterCommit(() => {
      metrics.unknownOwners.inc(unknown.length);
      for (const owner of unknown) {
        logger.error({ owner }, "a hex has taken an owner whom no election here has named");
      }
    });
  });
}

function hexOf({ envelope }: DomainMessage): string {
  if (envelope.producer?.service !== "worker") throw new TypeError("no worker has said this");
  if (envelope.key === undefined)
    throw new TypeError(`${envelope.type} without the key of its hex`);
  return keyText(keyOfWire(envelope.key));
}
