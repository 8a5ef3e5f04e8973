/** Messages to the market, as tests send them. */
import { create, fromBinary } from "@bufbuild/protobuf";
import type { CommandOutcome } from "@hexhold/domain";
import type { Envelope } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import {
  CancelHoldSchema,
  HoldSchema,
  ReleaseSchema,
  SettleSchema,
} from "@hexhold/gen/hexhold/inventory/v1/holds_pb";
import {
  CancelOrderSchema,
  AskHoldSchema,
  EndOrdersSchema,
  Fill,
  HaltBookSchema,
  type OrderPlaced,
  PlaceOrderSchema,
  Side,
} from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { EndHoldSchema, HoldEnd } from "@hexhold/gen/hexhold/market/v1/steps_pb";
import { uuidBytes, uuidText } from "@hexhold/messaging";
import { commandOf, type TestCommand } from "./market-database.ts";

export interface PlaceFields {
  readonly account: string;
  readonly side: "buy" | "sell";
  readonly price?: bigint;
  readonly quantity?: bigint;
  readonly isImmediate?: boolean;
  readonly lifetimeS?: number;
  readonly book?: string;
}

export function place(fields: PlaceFields): TestCommand {
  const { account, side, price = 10n, quantity = 5n, book = "wood", lifetimeS = 0 } = fields;
  const message = create(PlaceOrderSchema, {
    book,
    side: side === "buy" ? Side.BUY : Side.SELL,
    price,
    quantity,
    lifetimeS,
    fill: fields.isImmediate === true ? Fill.IOC : Fill.GTC,
  });
  return commandOf(message, account);
}

export function cancel(orderId: string, account: string, book = "wood"): TestCommand {
  const message = create(CancelOrderSchema, { book, orderId: uuidBytes(orderId) });
  return commandOf(message, account);
}

export function held(holdId: string, book = "wood"): TestCommand {
  const end = HoldEnd.HELD;
  return commandOf(create(EndHoldSchema, { holdId: uuidBytes(holdId), end, book }));
}

export function refusedHold(
  holdId: string,
  reason = "insufficient-coin",
  book = "wood",
): TestCommand {
  const end = HoldEnd.REFUSED;
  return commandOf(create(EndHoldSchema, { holdId: uuidBytes(holdId), end, reason, book }));
}

export function halt(halted: boolean, book = "wood"): TestCommand {
  return commandOf(create(HaltBookSchema, { book, halted, reason: "a test" }));
}

export function endOrders(account: string, book = "wood"): TestCommand {
  return commandOf(
    create(EndOrdersSchema, { book, accountId: uuidBytes(account), reason: "a test" }),
  );
}

export function askHold(orderId: string, book = "wood"): TestCommand {
  return commandOf(create(AskHoldSchema, { book, orderId: uuidBytes(orderId) }));
}

/** Id of the order that was placed; throws when it was refused. */
export function placedId(outcome: CommandOutcome | undefined): string {
  if (outcome?.kind !== "applied") throw new Error(`refused: ${JSON.stringify(outcome)}`);
  return uuidText((outcome.result as OrderPlaced).orderId);
}

/** `applied`, or why it was refused. */
export function said(outcome: CommandOutcome | undefined): string {
  return outcome?.kind === "refused" ? outcome.reason : (outcome?.kind ?? "nothing");
}

/** A message to the inventory, in one line. */
export function stepText({ type, payload }: Envelope): string {
  const id = (bytes: Uint8Array): string => uuidText(bytes);
  switch (type) {
    case "cmd.inventory.hold": {
      const { holdId, asset, amount, fee } = fromBinary(HoldSchema, payload);
      return `hold ${id(holdId)} ${amount} ${asset}, fee ${fee}`;
    }
    case "cmd.inventory.cancel-hold":
      return `cancel-hold ${id(fromBinary(CancelHoldSchema, payload).holdId)}`;
    case "cmd.inventory.settle": {
      const { buyHold, sellHold, quantity, price, buyTake, tax } = fromBinary(
        SettleSchema,
        payload,
      );
      return `settle ${id(buyHold)} < ${id(sellHold)} ${quantity}@${price}, takes ${buyTake}, tax ${tax}`;
    }
    case "cmd.inventory.release": {
      const { holdId, amount } = fromBinary(ReleaseSchema, payload);
      return `release ${id(holdId)} ${amount}`;
    }
    default:
      return type;
  }
}
