/** Goods that hexes take from players, and give back. */
import { create } from "@bufbuild/protobuf";
import { type DomainCommand, onAsked, onCommands, type Transaction } from "@hexhold/domain";
import type { Envelope, Key } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import {
  CancelTakeSchema,
  GiveSchema,
  type Take,
  TakeSchema,
} from "@hexhold/gen/hexhold/inventory/v1/takes_pb";
import { EndTakeSchema, TakeEnd } from "@hexhold/gen/hexhold/takes/v1/takes_pb";
import type { LedgerWork } from "../ledger/ledger-work.ts";
import type { StepAnswer } from "../rules/escrow.ts";
import { burnOf, mintOf, playerOf } from "../rules/ledger-account.ts";
import {
  decideCancelTake,
  decideGive,
  decideTake,
  giveUpTake,
  type TakeStep,
} from "../rules/takes.ts";
import { appliedAll, countAnswer, type InventoryContext } from "./inventory-context.ts";
import { named, type NamedHandler } from "./named-handler.ts";

export function takeHandlers(context: InventoryContext): readonly NamedHandler[] {
  const { outbox, worldNow } = context;

  /** Sends what the record says to the hex that asked. */
  function answer(
    transaction: Transaction,
    work: LedgerWork,
    step: {
      readonly message: { readonly takeId: Uint8Array; readonly hex?: Key | undefined };
      readonly envelope: Envelope;
    },
    said: StepAnswer,
  ): void {
    const { takeId, hex } = step.message;
    countAnswer(context, transaction, { name: "take", id: takeId }, said);
    if (said.kind === "forgotten") return;
    const end = said.kind === "yes" ? TakeEnd.TAKEN : TakeEnd.REFUSED;
    const reason = said.kind === "no" ? said.reason : "";
    work.send(
      outbox.messageOf({
        schema: EndTakeSchema,
        message: create(EndTakeSchema, { takeId, end, reason }),
        // The contract says that it is there.
        to: { hex: { hexId: hex!.hexId, layerId: hex!.layerId } },
        cause: step.envelope,
      }),
    );
  }

  return [
    named(
      TakeSchema,
      ({ message: { takeId, accountId, asset, siteId } }) => ({
        takes: [takeId],
        sites: siteId.length === 0 ? [] : [{ siteId, account: accountId, asset }],
        accounts: [playerOf(accountId, asset)],
        openedFrom: [{ account: burnOf(asset), from: playerOf(accountId, asset) }],
        transactions: [takeId],
      }),
      (schema) =>
        onAsked(schema, {
          handle(transaction, commands, work: LedgerWork) {
            for (const command of commands) {
              const said = decideTake(work.rows, stepOf(command), worldNow());
              answer(transaction, work, command, said);
            }
            return appliedAll(commands);
          },
          refuse(transaction, command, work: LedgerWork) {
            answer(transaction, work, command, giveUpTake(work.rows, stepOf(command)));
            return Promise.resolve();
          },
        }),
    ),
    named(
      CancelTakeSchema,
      ({ message: { takeId } }) => ({ takes: [takeId] }),
      (schema) =>
        onCommands(schema, (transaction, commands, work: LedgerWork) => {
          for (const command of commands) {
            const { takeId, accountId: account, atMs } = command.message;
            const said = decideCancelTake(work.rows, { takeId, account, atMs }, worldNow());
            answer(transaction, work, command, said);
          }
          return appliedAll(commands);
        }),
    ),
    named(
      GiveSchema,
      ({ message: { giveId, siteId, accountId: account, asset } }) => ({
        sites: [{ siteId, account, asset }],
        opened: [mintOf(asset), playerOf(account, asset)],
        transactions: [giveId],
      }),
      (schema) =>
        onCommands(schema, (_transaction, commands, { rows }: LedgerWork) => {
          for (const { message } of commands) {
            decideGive(rows, { ...message, account: message.accountId });
          }
          return appliedAll(commands);
        }),
    ),
  ];
}

function stepOf({ message }: DomainCommand<Take>): TakeStep {
  const { takeId, accountId: account, asset, amount, siteId, atMs } = message;
  return {
    takeId,
    account,
    asset,
    amount,
    siteId: siteId.length === 0 ? undefined : siteId,
    atMs,
  };
}
