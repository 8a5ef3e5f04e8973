/** What the player of a session has, as the inventory service says. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type GetBalances,
  GetBalancesSchema,
  type GetHistory,
  GetHistorySchema,
} from "@hexhold/gen/hexhold/inventory/v1/commands_pb";
import { ChangedSchema } from "@hexhold/gen/hexhold/inventory/v1/events_pb";
import type { Client, SendOptions } from "./client.ts";
import { typeOfEvent } from "./contract-of.ts";
import { healing, type Read, readOf, unordered, type WatchOptions } from "./healing.ts";
import { ownTopic } from "./topics.ts";
import type { OutcomeOf } from "./outcome.ts";

/** What there is of an asset. */
export type Balances = ReadonlyMap<string, { readonly available: bigint; readonly held: bigint }>;

export interface Inventory {
  /** Follows the balances: all of them, read again when one has changed. */
  watch(options?: WatchOptions): AsyncIterableIterator<Balances>;
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

const changed = typeOfEvent(ChangedSchema);
const pageMax = 200;

/** Reads only; what was gathered is credited soon after the answer to `gather`. */
export function createInventory(client: Pick<Client<unknown>, "listen" | "send">): Inventory {
  async function readAll(): Promise<Read<Balances>> {
    const all = new Map<string, { readonly available: bigint; readonly held: bigint }>();
    for (let after = ""; ;) {
      const page = { limit: pageMax, after };
      const outcome = await client.send(GetBalancesSchema, undefined, page, unordered);
      if (outcome.outcome !== "applied") return readOf(outcome, () => all);
      const { balances, nextAfter } = outcome.result;
      for (const { asset, amount, held } of balances) all.set(asset, { available: amount, held });
      if (nextAfter === "") return { kind: "state", state: all };
      after = nextAfter;
    }
  }
  return {
    watch: (options) =>
      healing<Balances>(
        client,
        {
          topic: ownTopic,
          read: readAll,
          // It has no number: what was read may be newer.
          apply: (_, { type }) => (type === changed ? "hole" : "old"),
          seqOf: () => 0n,
        },
        options,
      ),
    balances: (page, options) => client.send(GetBalancesSchema, undefined, page, options),
    history: (page, options) => client.send(GetHistorySchema, undefined, page, options),
  };
}
