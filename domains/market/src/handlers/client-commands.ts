/** What players do: orders are placed and cancelled. */
import { create } from "@bufbuild/protobuf";
import {
  type CommandOutcome,
  type MessageHandler,
  onCommand,
  type Transaction,
} from "@hexhold/domain";
import {
  CancelOrderSchema,
  Fill,
  OrderCancelledSchema,
  OrderPlacedSchema,
  OrderState,
  PlaceOrderSchema,
  Side,
} from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { isUuidv7, uuidText, uuidv7Ms } from "@hexhold/messaging";
import { isLive, type Order } from "../rules/order.ts";
import { hasOrder } from "../store/market-reads.ts";
import type { MarketWork } from "../work/market-work.ts";
import { refused } from "./refused.ts";

/** Of an order that says none: three days. */
const lifetimeDefaultS = 259_200;

export interface ClientCommandOptions {
  /** Accounts that are younger place no orders. */
  readonly minAgeHours: number;
  /** UUIDv7 of a moment, as 16 bytes. */
  readonly newId: (nowMs: number) => Uint8Array;
}

export function clientCommands(
  options: ClientCommandOptions,
): readonly MessageHandler<MarketWork>[] {
  return [placeOrder(options), cancelOrder];
}

function placeOrder({ minAgeHours, newId }: ClientCommandOptions): MessageHandler<MarketWork> {
  return onCommand(PlaceOrderSchema, (_transaction, { message, envelope }, work: MarketWork) => {
    const { nowMs } = work;
    const isTooFast = work.isTooFast(uuidText(envelope.accountId));
    if (work.book(message.book) === undefined) return answer(refused("no-such-book"));
    if (isTooNew(envelope.accountId, nowMs, minAgeHours)) return answer(refused("too-new"));
    if (isTooFast) return answer(refused("too-fast"));
    const expiresMs = nowMs + (message.lifetimeS || lifetimeDefaultS) * 1000;
    const id = newId(nowMs);
    const outcome = work.decide(
      message.book,
      {
        kind: "place",
        order: {
          id: uuidText(id),
          account: uuidText(envelope.accountId),
          side: message.side === Side.BUY ? "buy" : "sell",
          price: message.price,
          quantity: message.quantity,
          isImmediate: message.fill === Fill.IOC,
          placedMs: nowMs,
          expiresMs,
        },
      },
      envelope,
    );
    if (outcome.kind === "refused") return answer(refused(outcome.reason));
    const result = create(OrderPlacedSchema, { orderId: id, expiresMs: BigInt(expiresMs) });
    return answer({ kind: "applied", result });
  });
}

const cancelOrder = onCommand(
  CancelOrderSchema,
  async (transaction, { message, envelope }, work: MarketWork) => {
    const account = uuidText(envelope.accountId);
    const id = uuidText(message.orderId);
    if (work.isTooFast(account)) return refused("too-fast");
    const book = work.book(message.book);
    // Another's order, and one of another book, are answered as one that does not exist.
    if (book === undefined) return refused("unknown-order");
    const order = book.live(id);
    if (order === undefined)
      return endedAlready(transaction, work, { id, account, book: message.book });
    const { nowMs } = work;
    const outcome = work.decide(message.book, { kind: "cancel", id, account, nowMs }, envelope);
    if (outcome.kind === "refused") return refused("unknown-order");
    return cancelled(work.changed(message.book, id) ?? order);
  },
);

function cancelled(order: Order): CommandOutcome {
  const isOver = !isLive(order);
  const result = create(OrderCancelledSchema, {
    state: isOver ? OrderState.CANCELLED : OrderState.RESERVING,
    left: isOver ? order.ended : order.quantity,
  });
  return { kind: "applied", result };
}

async function endedAlready(
  transaction: Transaction,
  work: MarketWork,
  place: { readonly id: string; readonly account: string; readonly book: string },
): Promise<CommandOutcome> {
  const changed = work.changed(place.book, place.id);
  const isKnown =
    changed === undefined ? await hasOrder(transaction, place) : changed.account === place.account;
  return refused(isKnown ? "already-ended" : "unknown-order");
}

/** The moment of an account's making is in its id. One that has none is of no player who registered: as young as can be. */
export function isTooNew(accountId: Uint8Array, nowMs: number, minAgeHours: number): boolean {
  if (minAgeHours === 0) return false;
  return !isUuidv7(accountId) || uuidv7Ms(accountId) + minAgeHours * 3_600_000 > nowMs;
}

function answer(outcome: CommandOutcome): Promise<CommandOutcome> {
  return Promise.resolve(outcome);
}
