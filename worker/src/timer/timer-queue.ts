/**
 * Waiting timers, the one that is to fire next first. What is taken out stays in the heap until its turn comes
 * or until half of the heap is of that kind: removal costs nothing, and a look costs what is due.
 */
import TinyQueue from "tinyqueue";
import { keyText } from "@hexhold/hex";
import type { DueTimer } from "./slot-timers.ts";

export interface WaitingTimer extends DueTimer {
  /** World time at which it is fired next. */
  nextMs: number;
  /** How often it has been. */
  fired: number;
}

interface Turn {
  readonly atMs: number;
  readonly timer: WaitingTimer;
}

export class TimerQueue {
  readonly #byName = new Map<string, WaitingTimer>();
  #turns = newTurns([]);

  get size(): number {
    return this.#byName.size;
  }

  /** World time of the next turn; Infinity = there is none. */
  get nextMs(): number {
    for (let turn = this.#turns.peek(); turn !== undefined; turn = this.#turns.peek()) {
      if (this.#isOf(turn)) return turn.atMs;
      this.#turns.pop();
    }
    return Infinity;
  }

  find(timer: Pick<DueTimer, "key" | "timer">): WaitingTimer | undefined {
    return this.#byName.get(nameOf(timer));
  }

  /** Puts it in, or gives one that is in another turn, by its `nextMs`. One of its name that was in is replaced. */
  set(timer: WaitingTimer): void {
    this.#byName.set(nameOf(timer), timer);
    this.#turns.push({ atMs: timer.nextMs, timer });
    if (this.#turns.length > 2 * this.#byName.size + 64) this.#rebuild();
  }

  delete(timer: Pick<DueTimer, "key" | "timer">): void {
    this.#byName.delete(nameOf(timer));
  }

  /** Those whose turn has come by `nowMs`. Each must be given another turn or be deleted. */
  *due(nowMs: number): Generator<WaitingTimer> {
    while (this.nextMs <= nowMs) yield this.#turns.pop()!.timer;
  }

  /** Keeps those that have been fired and the `count` of the others that are due first; returns the last due time. */
  keepFirst(count: number): number {
    const others = [...this.#byName.values()]
      .filter(({ fired }) => fired === 0)
      .sort((a, b) => a.dueMs - b.dueMs);
    for (const timer of others.slice(count)) this.delete(timer);
    this.#rebuild();
    return others[count - 1]?.dueMs ?? Infinity;
  }

  [Symbol.iterator](): IterableIterator<WaitingTimer> {
    return this.#byName.values();
  }

  #isOf({ atMs, timer }: Turn): boolean {
    return this.#byName.get(nameOf(timer)) === timer && timer.nextMs === atMs;
  }

  #rebuild(): void {
    this.#turns = newTurns(
      [...this.#byName.values()].map((timer) => ({ atMs: timer.nextMs, timer })),
    );
  }
}

function newTurns(turns: Turn[]): TinyQueue<Turn> {
  return new TinyQueue(turns, (a, b) => a.atMs - b.atMs);
}

function nameOf({ key, timer }: Pick<DueTimer, "key" | "timer">): string {
  return `${keyText(key)} ${timer}`;
}
