/** The market's escrow: asked for, paid out of, given back. */
import { create } from "@bufbuild/protobuf";
import { type DomainCommand, onAsked, onCommands, type Transaction } from "@hexhold/domain";
import {
  CancelHoldSchema,
  type Hold,
  HoldSchema,
  ReleaseSchema,
  SettleSchema,
} from "@hexhold/gen/hexhold/inventory/v1/holds_pb";
import type { Envelope } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { EndHoldSchema, HoldEnd } from "@hexhold/gen/hexhold/market/v1/steps_pb";
import type { LedgerWork } from "../ledger/ledger-work.ts";
import {
  decideCancelHold,
  decideHold,
  decideRelease,
  decideSettle,
  giveUpHold,
  type HoldStep,
  type StepAnswer,
} from "../rules/escrow.ts";
import { burnOf, coin, holdOf, playerOf } from "../rules/ledger-account.ts";
import { appliedAll, countAnswer, type InventoryContext, serviceOf } from "./inventory-context.ts";
import { named, type NamedHandler } from "./named-handler.ts";

export function escrowHandlers(context: InventoryContext): readonly NamedHandler[] {
  const { outbox, worldNow } = context;

  /** Sends what the record says to who asked. */
  function answer(
    transaction: Transaction,
    work: LedgerWork,
    step: { readonly message: Pick<Hold, "holdId" | "book">; readonly envelope: Envelope },
    said: StepAnswer,
  ): void {
    const { holdId, book } = step.message;
    countAnswer(context, transaction, { name: "hold", id: holdId }, said);
    if (said.kind === "forgotten") return;
    const end = said.kind === "yes" ? HoldEnd.HELD : HoldEnd.REFUSED;
    const reason = said.kind === "no" ? said.reason : "";
    work.send(
      outbox.messageOf({
        schema: EndHoldSchema,
        message: create(EndHoldSchema, { holdId, book, end, reason }),
        to: { service: serviceOf(step.envelope), subject: book },
        cause: step.envelope,
      }),
    );
  }

  return [
    named(
      HoldSchema,
      ({ message: { holdId, accountId, asset } }) => ({
        holds: [holdId],
        accounts: [playerOf(accountId, asset), playerOf(accountId, coin)],
        openedFrom: [
          { account: holdOf(accountId, asset), from: playerOf(accountId, asset) },
          { account: burnOf(coin), from: playerOf(accountId, coin) },
        ],
        transactions: [holdId],
      }),
      (schema) =>
        onAsked(schema, {
          handle(transaction, commands, work: LedgerWork) {
            for (const command of commands) {
              const said = decideHold(work.rows, stepOf(command), worldNow());
              answer(transaction, work, command, said);
            }
            return appliedAll(commands);
          },
          refuse(transaction, command, work: LedgerWork) {
            answer(transaction, work, command, giveUpHold(work.rows, stepOf(command)));
            return Promise.resolve();
          },
        }),
    ),
    named(
      CancelHoldSchema,
      ({ message: { holdId } }) => ({ holds: [holdId] }),
      (schema) =>
        onCommands(schema, (transaction, commands, work: LedgerWork) => {
          for (const command of commands) {
            const { holdId, accountId: account, atMs } = command.message;
            const step = { holdId, account, atMs, service: serviceOf(command.envelope) };
            answer(transaction, work, command, decideCancelHold(work.rows, step, worldNow()));
          }
          return appliedAll(commands);
        }),
    ),
    named(
      SettleSchema,
      ({ message: { tradeId, buyHold, sellHold } }) => ({
        settled: [{ buyHold, sellHold }],
        transactions: [tradeId],
      }),
      (schema) =>
        onCommands(schema, (_transaction, commands, { rows }: LedgerWork) => {
          for (const { message, envelope } of commands) {
            decideSettle(rows, message, serviceOf(envelope));
          }
          return appliedAll(commands);
        }),
    ),
    named(
      ReleaseSchema,
      ({ message: { releaseId, holdId } }) => ({ holds: [holdId], transactions: [releaseId] }),
      (schema) =>
        onCommands(schema, (_transaction, commands, { rows }: LedgerWork) => {
          for (const { message, envelope } of commands) {
            decideRelease(rows, message, serviceOf(envelope));
          }
          return appliedAll(commands);
        }),
    ),
  ];
}

function stepOf({ message, envelope }: DomainCommand<Hold>): HoldStep {
  const { holdId, accountId: account, asset, amount, fee, atMs } = message;
  return { holdId, service: serviceOf(envelope), account, asset, amount, fee, atMs };
}
