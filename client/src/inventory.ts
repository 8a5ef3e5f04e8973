/** What the player of a session has, as the inventory service says. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type GetBalances,
  GetBalancesSchema,
  type GetHistory,
  GetHistorySchema,
} from "@hexhold/gen/hexhold/inventory/v1/commands_pb";
import type { Client, SendOptions } from "./client.ts";
import type { OutcomeOf } from "./outcome.ts";

export interface Inventory {
  /** A page of balances by asset: 100 unless `limit` (at most 200) says otherwise, those behind `after`. */
  balances(
    page?: MessageInitShape<typeof GetBalancesSchema>,
    options?: SendOptions,
  ): Promise<OutcomeOf<GetBalances>>;
  /** A page of what changed them, the newest first: 50 unless `limit` (at most 100) says otherwise. */
  history(
    page?: MessageInitShape<typeof GetHistorySchema>,
    options?: SendOptions,
  ): Promise<OutcomeOf<GetHistory>>;
}

/** Reads only; what was gathered is credited soon after the answer to `gather`. */
export function createInventory(client: Pick<Client<unknown>, "send">): Inventory {
  return {
    balances: (page, options) => client.send(GetBalancesSchema, undefined, page, options),
    history: (page, options) => client.send(GetHistorySchema, undefined, page, options),
  };
}
