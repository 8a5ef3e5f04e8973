/** The steps of an order's life that the inventory does, as messages. */
import { create } from "@bufbuild/protobuf";
import type { Outbox, OutboxMessage } from "@hexhold/domain";
import type { Envelope } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import {
  CancelHoldSchema,
  HoldSchema,
  ReleaseSchema,
  SettleSchema,
} from "@hexhold/gen/hexhold/inventory/v1/holds_pb";
import { uuidBytes } from "@hexhold/messaging";
import { coin, need } from "../rules/money.ts";
import type { Order } from "../rules/order.ts";
import type { NewTrade, StepMessage } from "../store/store-changes.ts";

/** `cause`: the message for which a step is sent; undefined: a timer. */
export interface Steps {
  hold(
    book: string,
    order: Order,
    fee: bigint,
    atMs: number,
    cause: Envelope | undefined,
  ): StepMessage;
  /** @param taker account whose order came to the other: the trade is about it. */
  settle(trade: NewTrade, taker: string, atMs: number, cause: Envelope | undefined): StepMessage;
  /** Gives back the escrow of what has ended of an order, and no unit more. */
  release(releaseId: string, order: Order, atMs: number, cause: Envelope | undefined): StepMessage;
  cancelHold(
    book: string,
    order: Pick<Order, "id" | "account">,
    atMs: number,
    cause: Envelope | undefined,
  ): OutboxMessage;
}

export function createSteps(outbox: Pick<Outbox, "messageOf">): Steps {
  const to = (subject: string) => ({ service: "inventory", subject });
  return {
    hold(book, order, fee, atMs, cause) {
      const { id, account, side, price, quantity } = order;
      const message = create(HoldSchema, {
        holdId: uuidBytes(id),
        accountId: uuidBytes(account),
        asset: side === "buy" ? coin : book,
        amount: need(side, price, quantity),
        fee,
        book,
        atMs: BigInt(atMs),
      });
      return {
        about: id,
        ...outbox.messageOf({ schema: HoldSchema, message, to: to(account), cause }),
      };
    },
    settle({ id, buy, sell, quantity, price, buyLimit, tax }, taker, atMs, cause) {
      const message = create(SettleSchema, {
        tradeId: uuidBytes(id),
        buyHold: uuidBytes(buy),
        sellHold: uuidBytes(sell),
        quantity,
        price,
        buyTake: need("buy", buyLimit, quantity),
        tax,
        atMs: BigInt(atMs),
      });
      return {
        about: id,
        ...outbox.messageOf({ schema: SettleSchema, message, to: to(taker), cause }),
      };
    },
    release(releaseId, { id, account, side, price, ended }, atMs, cause) {
      const message = create(ReleaseSchema, {
        releaseId: uuidBytes(releaseId),
        holdId: uuidBytes(id),
        amount: need(side, price, ended),
        atMs: BigInt(atMs),
      });
      return {
        about: releaseId,
        ...outbox.messageOf({ schema: ReleaseSchema, message, to: to(account), cause }),
      };
    },
    cancelHold(book, { id, account }, atMs, cause) {
      const message = create(CancelHoldSchema, {
        holdId: uuidBytes(id),
        accountId: uuidBytes(account),
        book,
        atMs: BigInt(atMs),
      });
      return outbox.messageOf({ schema: CancelHoldSchema, message, to: to(account), cause });
    },
  };
}
