/** What the host asks of services on an operator's behalf. */
import { file_hexhold_accounts_v1_commands } from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import { file_hexhold_chat_v1_moderation } from "@hexhold/gen/hexhold/chat/v1/moderation_pb";
import { file_hexhold_inventory_v1_trades } from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import { file_hexhold_market_v1_commands } from "@hexhold/gen/hexhold/market/v1/commands_pb";
import type { Bus } from "@hexhold/messaging";
import { type AccountAdmin, createAccountAdmin } from "./account-admin.ts";
import { type ChatAdmin, createChatAdmin } from "./chat-admin.ts";
import { createEconomyAdmin, type EconomyAdmin } from "./economy-admin.ts";
import { createOperatorCalls } from "./operator-calls.ts";

export interface Operator {
  readonly accounts: AccountAdmin;
  readonly economy: EconomyAdmin;
  readonly chat: ChatAdmin;
  close(): void;
}

export function openOperator(bus: Bus): Operator {
  const calls = createOperatorCalls(bus, [
    file_hexhold_accounts_v1_commands,
    file_hexhold_chat_v1_moderation,
    file_hexhold_inventory_v1_trades,
    file_hexhold_market_v1_commands,
  ]);
  return {
    accounts: createAccountAdmin(calls),
    economy: createEconomyAdmin(calls),
    chat: createChatAdmin(calls),
    close: () => calls.close(),
  };
}
