/** Tells players which of their balances a transaction has changed, once its commit was answered. */
import { create } from "@bufbuild/protobuf";
import type { TopicPublisher } from "@hexhold/domain";
import { type Changed, ChangedSchema } from "@hexhold/gen/hexhold/inventory/v1/events_pb";
import { bytesText, uuidText } from "@hexhold/messaging";
import type { LedgerRows } from "../rules/ledger-rows.ts";

/** One event for each account and asset, with the balances as they are now, whatever led there. */
export function tellChanges(
  topics: Pick<TopicPublisher, "toPlayer">,
  { changes, balanceOf }: Pick<LedgerRows, "changes" | "balanceOf">,
): void {
  const changed = new Map<string, { readonly owner: Uint8Array; readonly event: Changed }>();
  for (const { kind: cause, postings } of changes.transactions) {
    for (const { account } of postings) {
      const { owner, kind, asset } = account;
      if (kind !== "player" && kind !== "hold") continue;
      const text = `${bytesText(owner)} ${asset}`;
      const { event } = changed.get(text) ?? { event: create(ChangedSchema, { asset }) };
      event.cause = cause;
      // A balance that no posting has touched may not be among the rows of this transaction.
      if (kind === "player") event.available = balanceOf(account);
      else event.held = balanceOf(account);
      changed.set(text, { owner, event });
    }
  }
  for (const { owner, event } of changed.values()) {
    topics.toPlayer({ account: uuidText(owner), schema: ChangedSchema, message: event });
  }
}
