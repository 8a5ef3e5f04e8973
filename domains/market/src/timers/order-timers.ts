/**
 * Timers of orders. `ask`: the inventory has not said what became of a hold, and is asked. Nothing else follows from a time that
 * has passed: the order waits for its answer, and the timer is armed anew. `expire`: the order's time is over.
 *
 * A transaction with a timer in hand may wait for a book; one with the book never waits for a timer, it skips those in hand.
 */
import { createDueStore, type DueHandler, type Outbox } from "@hexhold/domain";
import { uuidBytes, uuidText } from "@hexhold/messaging";
import { liveOrders } from "../store/market-reads.ts";
import type { MarketWork } from "../work/market-work.ts";
import type { Steps } from "../work/steps.ts";
import { nextAskMs } from "./ask-times.ts";

export interface OrderTimerOptions {
  readonly outbox: Outbox;
  readonly steps: Steps;
  readonly askMs: number;
}

export function orderTimers(options: OrderTimerOptions): readonly DueHandler<MarketWork>[] {
  return [askTimer(options), expireTimer];
}

/** Writes no order, and takes no book's lock: an answer that comes meanwhile makes the question one too many, and harmless. */
function askTimer({ outbox, steps, askMs }: OrderTimerOptions): DueHandler<MarketWork> {
  const due = createDueStore("market");
  return {
    kind: "ask",
    async handle(transaction, timers, work) {
      const { nowMs } = work;
      const dueMs = new Map(timers.map((timer) => [uuidText(timer.id), timer.dueMs]));
      const live = await liveOrders(transaction, [...dueMs.keys()]);
      const waiting = live.filter(({ order }) => order.state === "reserving");
      await outbox.send(
        transaction,
        waiting.map(({ book, order }) => steps.cancelHold(book, order, nowMs, undefined)),
      );
      await due.arm(
        transaction,
        "ask",
        waiting.map(({ order: { id, placedMs } }) => ({
          id: uuidBytes(id),
          dueMs: nowMs + nextAskMs(dueMs.get(id)! - placedMs, askMs),
        })),
      );
    },
  };
}

const expireTimer: DueHandler<MarketWork> = {
  kind: "expire",
  async handle(transaction, timers, work) {
    const dueMs = new Map(timers.map((timer) => [uuidText(timer.id), timer.dueMs]));
    const live = await liveOrders(transaction, [...dueMs.keys()]);
    if (live.length === 0) return;
    await work.lock(transaction, [...new Set(live.map(({ book }) => book))]);
    for (const { book, order } of live) {
      // It was due: a clock that was set back meanwhile does not keep it alive.
      const nowMs = Math.max(work.nowMs, dueMs.get(order.id)!);
      work.decide(book, { kind: "expire", id: order.id, nowMs }, undefined);
    }
  },
};
