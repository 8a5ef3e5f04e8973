/**
 * Books in memory between transactions. A transaction takes a book out under the lock of its row and changes it; it comes back
 * when the commit was answered, and in no other case: what was rolled back, or committed without an answer, is gone with the
 * transaction. So nobody finds a book here that says more than the database.
 */
import type { OrderBook } from "./order-book.ts";

export interface CachedBook {
  /** Of the commit whose state it is. */
  readonly version: bigint;
  readonly book: OrderBook;
}

/**
 * Why a book is read from the database: `first`, there was none in memory; `lost`, that of a transaction that was rolled back,
 * or is not back yet; `version`, another process has changed it.
 */
export type ReloadCause = "first" | "lost" | "version";

export class BookCache {
  readonly #books = new Map<string, CachedBook>();
  readonly #known = new Set<string>();

  /** Takes a book out if it is that of `version`; else why there is none. */
  take(name: string, version: bigint): OrderBook | ReloadCause {
    const cached = this.#books.get(name);
    this.#books.delete(name);
    if (cached?.version === version) return cached.book;
    if (cached !== undefined) return "version";
    const cause = this.#known.has(name) ? "lost" : "first";
    this.#known.add(name);
    return cause;
  }

  /** Takes the state of a commit over, unless a later one is here already. */
  put(name: string, cached: CachedBook): void {
    const known = this.#books.get(name);
    if (known === undefined || known.version < cached.version) this.#books.set(name, cached);
  }
}
