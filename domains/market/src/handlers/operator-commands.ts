/** What operators do: books are halted, orders of an account ended, escrow asked for again. */
import { create } from "@bufbuild/protobuf";
import { type MessageHandler, onCommand, type Outbox } from "@hexhold/domain";
import {
  AskHoldSchema,
  EndOrdersSchema,
  HaltBookSchema,
  OrdersEndedSchema,
} from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { uuidText } from "@hexhold/messaging";
import type { Logger } from "@hexhold/telemetry";
import type { MarketWork } from "../work/market-work.ts";
import { readOrder } from "../store/market-reads.ts";
import type { Steps } from "../work/steps.ts";
import { refused } from "./refused.ts";

export interface OperatorCommandOptions {
  readonly outbox: Outbox;
  readonly steps: Steps;
  readonly logger: Logger;
}

export function operatorCommands({
  outbox,
  steps,
  logger,
}: OperatorCommandOptions): readonly MessageHandler<MarketWork>[] {
  return [
    onCommand(HaltBookSchema, async (transaction, { message }, work: MarketWork) => {
      const { book, halted, reason } = message;
      if (work.book(book) === undefined) return refused("no-such-book");
      await work.halt(transaction, book, halted, reason);
      transaction.onCommit(() =>
        logger.info({ book, halted, reason }, "a book was halted or resumed"),
      );
      return { kind: "applied" };
    }),

    onCommand(EndOrdersSchema, (transaction, { message, envelope }, work: MarketWork) => {
      const { book, reason } = message;
      if (work.book(book) === undefined) return Promise.resolve(refused("no-such-book"));
      const account = uuidText(message.accountId);
      const outcome = work.decide(book, { kind: "end-all", account }, envelope);
      const ended = outcome.kind === "decided" ? outcome.orders.length : 0;
      transaction.onCommit(() =>
        logger.info({ book, account, ended, reason }, "an operator ended the orders of an account"),
      );
      return Promise.resolve({ kind: "applied", result: create(OrdersEndedSchema, { ended }) });
    }),

    // As the timer does: no order is written, so no book is locked.
    onCommand(AskHoldSchema, async (transaction, { message, envelope }, work: MarketWork) => {
      const { book, orderId } = message;
      const found = await readOrder(transaction, uuidText(orderId));
      if (found?.book !== book) return refused("unknown-order");
      const { order } = found;
      if (order.state !== "reserving") return refused("already-answered");
      await outbox.send(transaction, [steps.cancelHold(book, order, work.nowMs, envelope)]);
      return { kind: "applied" };
    }),
  ];
}
