/** What operators give out of nothing. */
import { create } from "@bufbuild/protobuf";
import { onCommand } from "@hexhold/domain";
import { GrantedSchema, GrantSchema } from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import { isKnownAccount } from "../ledger/accounts.ts";
import type { LedgerWork } from "../ledger/ledger-work.ts";
import { mintOf, playerOf } from "../rules/ledger-account.ts";
import type { InventoryContext } from "./inventory-context.ts";
import { named, type NamedHandler } from "./named-handler.ts";

export function grantHandlers({ worldNow, logger }: InventoryContext): readonly NamedHandler[] {
  return [
    named(
      GrantSchema,
      ({ message: { grantId, accountId, asset } }) => ({
        transactions: [grantId],
        // One grant makes one item, under the same id.
        items: [grantId],
        opened: asset === "" ? [] : [mintOf(asset), playerOf(accountId, asset)],
      }),
      (schema) =>
        onCommand(schema, async (transaction, { message }, { rows }: LedgerWork) => {
          const { grantId, accountId, asset, amount, itemKind, itemAttributes, reason } = message;
          if (!(await isKnownAccount(transaction, accountId))) {
            return { kind: "refused", reason: "unknown-account" };
          }
          const itemId = itemKind === "" ? new Uint8Array(0) : grantId;
          const result = create(GrantedSchema, { transactionId: grantId, itemId });
          if (rows.isPosted(grantId)) return { kind: "applied", result };
          const atMs = BigInt(Math.floor(worldNow()));
          rows.post(
            { transactionId: grantId, kind: "operator", atMs },
            asset === ""
              ? []
              : [
                  { account: mintOf(asset), amount: -amount },
                  { account: playerOf(accountId, asset), amount },
                ],
          );
          if (itemKind !== "") {
            const made = { itemId: grantId, kind: itemKind, owner: accountId, madeMs: atMs };
            rows.addItem(
              { ...made, heldBy: undefined, attributes: itemAttributes, version: 1 },
              grantId,
            );
          }
          logger.info({ asset, amount: String(amount), item_kind: itemKind, reason }, "granted");
          return { kind: "applied", result };
        }),
    ),
  ];
}
