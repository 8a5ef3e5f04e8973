/** Writes what a transaction has decided, by one call of `market.store`. */
import type { OutboxMessage, Transaction } from "@hexhold/domain";
import { uuidBytes } from "@hexhold/messaging";
import {
  boolArray,
  byteaArray,
  int2Array,
  int8Array,
  textArray,
  uuidArray,
} from "@hexhold/postgres";
import type { Trade } from "../rules/decision.ts";
import type { Order } from "../rules/order.ts";
import { sideNumbers, stateNumbers } from "./order-rows.ts";

export interface ChangedBook {
  readonly name: string;
  /** At which it was decided; it rises by one. */
  readonly version: bigint;
  readonly seq: bigint;
}

export interface NewOrder {
  readonly book: string;
  readonly order: Order;
  readonly fee: bigint;
}

export interface ChangedOrder {
  readonly order: Order;
  /** UUID as text of the release of what has ended; undefined: it owes none. */
  readonly releaseId: string | undefined;
}

export interface NewTrade extends Trade {
  /** UUID as text. */
  readonly id: string;
  readonly book: string;
  readonly tax: bigint;
}

/** A message to the inventory, about an order (its hold), a trade or a release. */
export interface StepMessage extends Pick<OutboxMessage, "subject" | "envelope"> {
  /** UUID as text; the envelope has it. */
  readonly about: string;
}

export interface StoredChanges {
  readonly books: readonly ChangedBook[];
  readonly placed: readonly NewOrder[];
  readonly changed: readonly ChangedOrder[];
  /** In their order. */
  readonly trades: readonly NewTrade[];
  readonly steps: readonly StepMessage[];
  readonly atMs: number;
  /** After which an answer of the inventory is asked for. */
  readonly askMs: number;
}

const uuids = (ids: readonly string[]): Buffer => uuidArray(ids.map(uuidBytes));
const orNull = (ms: number): number | null => (ms === 0 ? null : ms);

const parameters = Array.from({ length: 42 }, (_, i) => `$${i + 1}`).join();

/** Fails with 23514 when what is stored contradicts what was decided; `constraint` names the check. */
export async function storeChanges(
  transaction: Transaction,
  { books, placed, changed, trades, steps, atMs, askMs }: StoredChanges,
): Promise<void> {
  const news = placed.map(({ order }) => order);
  const orders = changed.map(({ order }) => order);
  await transaction.query({
    name: "market_store",
    text: `SELECT market.store(${parameters})`,
    values: [
      textArray(books.map(({ name }) => name)),
      int8Array(books.map(({ version }) => version)),
      int8Array(books.map(({ seq }) => seq)),
      uuids(news.map(({ id }) => id)),
      textArray(placed.map(({ book }) => book)),
      uuids(news.map(({ account }) => account)),
      int2Array(news.map(({ side }) => sideNumbers[side])),
      int8Array(news.map(({ price }) => price)),
      int8Array(news.map(({ quantity }) => quantity)),
      boolArray(news.map(({ isImmediate }) => isImmediate)),
      int8Array(placed.map(({ fee }) => fee)),
      int8Array(news.map(({ placedMs }) => placedMs)),
      int8Array(news.map(({ expiresMs }) => expiresMs)),
      textArray(news.map(({ wantEnd }) => wantEnd)),
      int8Array(news.map(({ version }) => version)),
      int8Array(news.map(({ endAskedMs }) => orNull(endAskedMs))),
      uuids(orders.map(({ id }) => id)),
      int2Array(orders.map(({ state }) => stateNumbers[state])),
      int8Array(orders.map(({ seq }) => seq)),
      int8Array(orders.map(({ open }) => open)),
      int8Array(orders.map(({ filled }) => filled)),
      int8Array(orders.map(({ ended }) => ended)),
      int8Array(orders.map(({ paid }) => paid)),
      textArray(orders.map(({ endedReason }) => endedReason)),
      textArray(orders.map(({ wantEnd }) => wantEnd)),
      int8Array(orders.map(({ version }) => version)),
      int8Array(orders.map(({ endAskedMs }) => orNull(endAskedMs))),
      uuidArray(
        changed.map(({ releaseId }) => (releaseId === undefined ? null : uuidBytes(releaseId))),
      ),
      uuids(trades.map(({ id }) => id)),
      textArray(trades.map(({ book }) => book)),
      uuids(trades.map(({ buy }) => buy)),
      uuids(trades.map(({ sell }) => sell)),
      int8Array(trades.map(({ quantity }) => quantity)),
      int8Array(trades.map(({ price }) => price)),
      int8Array(trades.map(({ buyLimit, quantity }) => buyLimit * quantity)),
      int8Array(trades.map(({ tax }) => tax)),
      int2Array(trades.map(({ takerSide }) => sideNumbers[takerSide])),
      uuids(steps.map(({ about }) => about)),
      textArray(steps.map(({ subject }) => subject)),
      byteaArray(steps.map(({ envelope }) => envelope)),
      atMs,
      askMs,
    ],
  });
}
