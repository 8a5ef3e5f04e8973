/** The books of the world and the player's orders, as they change. */
import { type BookState, type Client, createMarket } from "@hexhold/client";
import { type Candle, type Order, Span } from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { computed, effect, type ReadonlySignal, signal, untracked } from "@preact/signals";
import { follow } from "./follow.ts";
import { paced } from "./paced.ts";

/** Books that the market has, of the assets that the page knows of. */
export const books = signal<readonly string[]>([]);
/** The one that is looked at; a name that is not among {@link books} counts as the first of them. */
export const wantedBook = signal("");
export const bookName = computed(() =>
  books.value.includes(wantedBook.value) ? wantedBook.value : (books.value[0] ?? ""),
);
/** Undefined until it is known. */
export const book = signal<BookState | undefined>(undefined);
export const span = signal<Span>(Span.MINUTE);
/** The newest first. */
export const candles = signal<readonly Candle[]>([]);
/** Own ones, the newest first, those that have ended in the last seven days among them; undefined until they are known. */
export const orders = signal<readonly Order[] | undefined>(undefined);

const candlesMax = 48;
/** Between two readings: a book changes five times a second. */
const candlesPauseMs = 1_000;
/** Before a market that does not answer is asked again. */
const probeAgainMs = 5_000;
/** Assets that are asked for: more are no market but a mistake. */
const probesMax = 32;

export function forgetMarket(): void {
  books.value = [];
  wantedBook.value = "";
  book.value = undefined;
  candles.value = [];
  orders.value = undefined;
}

/**
 * @param assets that may have a book
 * @param isOpen whether the player looks at the market
 */
export function followMarket(
  client: Pick<Client<unknown>, "listen" | "send">,
  assets: ReadonlySignal<readonly string[]>,
  isOpen: ReadonlySignal<boolean>,
): () => void {
  const market = createMarket(client);
  const probed = new Map<string, boolean>();
  let isStopped = false;

  /** Whether there is such a book. */
  async function probe(asset: string): Promise<void> {
    probed.set(asset, false);
    while (!isStopped) {
      const { outcome } = await market.book(asset, 1, { ordered: false });
      if (outcome === "refused" || isStopped) return;
      if (outcome === "applied") {
        probed.set(asset, true);
        books.value = [...probed].flatMap(([name, isThere]) => (isThere ? [name] : []));
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, probeAgainMs));
    }
  }

  const readCandles = paced(async () => {
    const [name, wantedSpan] = [bookName.peek(), span.peek()];
    if (name === "") return;
    const outcome = await market.candles(name, wantedSpan, candlesMax, { ordered: false });
    if (isStopped || name !== bookName.peek() || wantedSpan !== span.peek()) return;
    if (outcome.outcome === "applied") candles.value = outcome.result.candles;
  }, candlesPauseMs);

  const stops = [
    effect(() => {
      const unknown = assets.value.filter((asset) => !probed.has(asset));
      untracked(() => {
        for (const asset of unknown) if (probed.size < probesMax) void probe(asset);
      });
    }),
    follow(
      (signal) => market.watchOrders({ signal, ended: true }),
      (state) => (orders.value = state),
    ),
    effect(() => {
      const name = bookName.value;
      if (name === "" || !isOpen.value) return undefined;
      return untracked(() => {
        if (book.value?.book !== name) book.value = undefined;
        return follow(
          (signal) => market.watch(name, { signal }),
          (state) => {
            book.value = state;
            readCandles();
          },
        );
      });
    }),
    effect(() => {
      void [bookName.value, span.value];
      untracked(() => {
        candles.value = [];
        if (isOpen.value) readCandles();
      });
    }),
  ];
  return () => {
    isStopped = true;
    for (const stop of stops) stop();
  };
}
