/** What operators ask of inventory and market. */
import { fromBinary } from "@bufbuild/protobuf";
import type {
  AskHoldRequest,
  EndOrdersRequest,
  GrantRequest,
  HaltBookRequest,
} from "@hexhold/gen/hexhold/control/v1/host_pb";
import { GrantedSchema, GrantSchema } from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import {
  AskHoldSchema,
  EndOrdersSchema,
  HaltBookSchema,
  OrdersEndedSchema,
} from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { uuidBytes, uuidText, uuidv7Bytes } from "@hexhold/messaging";
import type { OperatorCalls } from "./operator-calls.ts";

/** Rejects with a ConnectError that says what was wrong. */
export interface EconomyAdmin {
  /** Resolves with ids as text; an item's is empty when none was made. */
  grant(request: GrantRequest): Promise<{ transactionId: string; itemId: string }>;
  haltBook(request: HaltBookRequest): Promise<void>;
  /** Has the market ask the inventory now what became of an order's escrow. */
  askHold(request: AskHoldRequest): Promise<void>;
  /** Resolves with how many orders were ended, or marked to end. */
  endOrders(request: EndOrdersRequest): Promise<number>;
}

export function createEconomyAdmin({ call }: Pick<OperatorCalls, "call">): EconomyAdmin {
  return {
    async grant({ accountId, asset, amount, itemKind, reason }) {
      const given = { asset, amount, itemKind, reason, grantId: uuidv7Bytes() };
      const bytes = await call(
        GrantSchema,
        { ...given, accountId: uuidBytes(accountId) },
        accountId,
      );
      const granted = fromBinary(GrantedSchema, bytes);
      const { transactionId, itemId } = granted;
      return {
        transactionId: uuidText(transactionId),
        itemId: itemId.length === 0 ? "" : uuidText(itemId),
      };
    },
    async haltBook({ book, halted, reason }) {
      await call(HaltBookSchema, { book, halted, reason }, book);
    },
    async askHold({ book, orderId }) {
      await call(AskHoldSchema, { book, orderId: uuidBytes(orderId) }, book);
    },
    async endOrders({ book, accountId, reason }) {
      const asked = { book, accountId: uuidBytes(accountId), reason };
      return fromBinary(OrdersEndedSchema, await call(EndOrdersSchema, asked, book)).ended;
    },
  };
}
