/** Books of the market, and what is in one of them. */
import type { PgClient } from "@hexhold/postgres";

export interface BookSummary {
  readonly book: string;
  readonly version: string;
  readonly isHalted: boolean;
  readonly haltReason: string;
  /** Of the newest trade; 0 = there was none. */
  readonly lastPrice: string;
  /** 0 = nobody buys, nobody sells. */
  readonly bestBid: string;
  readonly bestAsk: string;
  readonly openOrders: number;
  /** Orders whose escrow is being asked for, and the age of the oldest in seconds; 0 = there is none. */
  readonly reserving: number;
  readonly oldestReservingS: number;
  /** Of the last 24 h. */
  readonly trades: number;
  readonly units: string;
}

export interface BookLevel {
  readonly side: "bid" | "ask";
  readonly price: string;
  readonly quantity: string;
  readonly orders: number;
}

export interface BookTrade {
  readonly at: string;
  readonly price: string;
  readonly quantity: string;
  readonly taker: "buys" | "sells";
}

export interface MarketReport {
  readonly books: readonly BookSummary[];
  /** Of the one book that was asked for: the best ten prices of each side, the dearest first. */
  readonly levels?: readonly BookLevel[];
  /** Its last trades, the newest first. */
  readonly lastTrades?: readonly BookTrade[];
}

/** Undefined: there is no such book. Throws when the database has no market. */
export async function readMarket(
  client: PgClient,
  book: string | undefined,
): Promise<MarketReport | undefined> {
  const { rows: schema } = await client.query<{ there: boolean }>(
    "SELECT to_regclass('market.book') IS NOT NULL AS there",
  );
  if (schema[0]?.there !== true) throw new Error("This database has no market: hexctl migrate.");
  const books = await readBooks(client, book);
  if (book === undefined) return { books };
  if (books.length === 0) return undefined;
  const [levels, lastTrades] = [await readLevels(client, book), await readTrades(client, book)];
  return { books, levels, lastTrades };
}

async function readBooks(client: PgClient, book: string | undefined): Promise<BookSummary[]> {
  const { rows } = await client.query<
    Omit<BookSummary, "openOrders" | "reserving" | "oldestReservingS" | "trades"> & {
      openOrders: string;
      reserving: string;
      oldestReservingS: string;
      trades: string;
    }
  >(
    `SELECT b.book, b.version::text, b.is_halted AS "isHalted", b.halt_reason AS "haltReason",
       b.last_price::text AS "lastPrice",
       coalesce((SELECT max(o.price) FROM market."order" AS o WHERE o.book = b.book AND o.state = 2 AND o.side = 1), 0)::text
         AS "bestBid",
       coalesce((SELECT min(o.price) FROM market."order" AS o WHERE o.book = b.book AND o.state = 2 AND o.side = 2), 0)::text
         AS "bestAsk",
       (SELECT count(*) FROM market."order" AS o WHERE o.book = b.book AND o.state = 2) AS "openOrders",
       r.reserving, r."oldestReservingS", t.trades, t.units
     FROM market.book AS b
     CROSS JOIN LATERAL (SELECT count(*) AS reserving,
         coalesce(round(extract(epoch FROM clock_timestamp() - min(o.placed_at))), 0) AS "oldestReservingS"
       FROM market."order" AS o WHERE o.book = b.book AND o.state = 1) AS r
     CROSS JOIN LATERAL (SELECT count(*) AS trades, coalesce(sum(t.quantity), 0)::text AS units
       FROM market.trade AS t WHERE t.book = b.book AND t.at > clock_timestamp() - interval '24 h') AS t
     WHERE $1::text IS NULL OR b.book = $1 ORDER BY b.book`,
    [book ?? null],
  );
  return rows.map((row) => ({
    ...row,
    openOrders: Number(row.openOrders),
    reserving: Number(row.reserving),
    oldestReservingS: Number(row.oldestReservingS),
    trades: Number(row.trades),
  }));
}

async function readLevels(client: PgClient, book: string): Promise<BookLevel[]> {
  const { rows } = await client.query<Omit<BookLevel, "orders"> & { orders: string }>(
    `SELECT CASE side WHEN 1 THEN 'bid' ELSE 'ask' END AS side, price::text, quantity::text, orders FROM (
       SELECT side, price, sum(open) AS quantity, count(*) AS orders,
         row_number() OVER (PARTITION BY side ORDER BY CASE side WHEN 1 THEN -price ELSE price END) AS nth
       FROM market."order" WHERE book = $1 AND state = 2 GROUP BY side, price) AS l
     WHERE nth <= 10 ORDER BY l.side DESC, l.price DESC`,
    [book],
  );
  return rows.map((row) => ({ ...row, orders: Number(row.orders) }));
}

async function readTrades(client: PgClient, book: string): Promise<BookTrade[]> {
  const { rows } = await client.query<Omit<BookTrade, "at"> & { at: Date }>(
    `SELECT at, price::text, quantity::text, CASE taker_side WHEN 1 THEN 'buys' ELSE 'sells' END AS taker
     FROM market.trade WHERE book = $1 ORDER BY nth DESC LIMIT 10`,
    [book],
  );
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
}

/** Lines for people. */
export function marketLines({ books, levels, lastTrades }: MarketReport): string[] {
  const columns = [
    "book",
    "last",
    "bid",
    "ask",
    "open",
    "reserving",
    "trades 24 h",
    "units 24 h",
    "",
  ];
  const price = (text: string): string => (text === "0" ? "-" : text);
  const table = books.map((book) => [
    book.book,
    price(book.lastPrice),
    price(book.bestBid),
    price(book.bestAsk),
    String(book.openOrders),
    book.reserving === 0 ? "0" : `${book.reserving} (${book.oldestReservingS} s)`,
    String(book.trades),
    book.units,
    book.isHalted ? `HALTED: ${book.haltReason}` : "",
  ]);
  const lines = aligned([columns, ...table]);
  if (levels !== undefined) {
    lines.push("", ...(levels.length === 0 ? ["no orders"] : []));
    lines.push(
      ...aligned(
        levels.map(({ side, price: at, quantity, orders }) => [
          side,
          at,
          quantity,
          `${orders} ${orders === 1 ? "order" : "orders"}`,
        ]),
      ),
    );
  }
  if (lastTrades !== undefined) {
    lines.push("", ...(lastTrades.length === 0 ? ["no trades"] : []));
    lines.push(
      ...aligned(lastTrades.map(({ at, price: of, quantity, taker }) => [at, of, quantity, taker])),
    );
  }
  return lines;
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
