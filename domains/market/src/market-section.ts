import { booksOption, logLevelOption } from "@hexhold/config";
import { z } from "zod";

/** What operators may set of a market service. All instances of a world have the same. */
export const marketSection = z.strictObject({
  /** False: `hexctl start` starts none, and its queues are left to somebody else. */
  enabled: z.boolean().default(true),
  instance: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]*$/)
    .default("market-1"),
  host: z.string().default("127.0.0.1"),
  controlPort: z.int().min(0).max(65_535).default(0),
  logLevel: logLevelOption,
  /** Assets that are traded against coin, a book each. One that is left out later keeps its book. */
  books: booksOption,
  /** Thousandths of price times quantity, burned when escrow is granted, rounded up and 1 at least: what makes flicker cost something. */
  listingFeePerMille: z.int().min(0).max(1000).default(10),
  /** Thousandths of price times quantity, burned out of what a seller gets, rounded down. */
  salesTaxPerMille: z.int().min(0).max(1000).default(20),
  /** Orders that an account may have in a book at a time, those without escrow counted. */
  ordersPerBookMax: z.int().min(1).max(1000).default(20),
  /** Orders in a book: what one holds in memory, and what loading it costs. */
  restingMax: z.int().min(1).max(100_000).default(20_000),
  /** What one order may meet; then the rest of it ends: bounds a transaction. */
  tradesPerCommandMax: z.int().min(1).max(10_000).default(1_000),
  /** Accounts that are younger place no orders; 0 = any may. A day makes throw-away accounts dear. */
  minAgeHours: z.int().min(0).max(8_760).default(24),
  /** Milliseconds until the inventory is asked what became of a hold; then doubled, up to five minutes. */
  askMs: z.int().min(100).max(300_000).default(5_000),
  /** Milliseconds between two events of a book to those who listen to it: what changes meanwhile goes into the next one. */
  bookEventMs: z.int().min(10).max(10_000).default(200),
  /** Days for which trades, and orders that ended without one, are kept. */
  tradesKeepDays: z.int().min(31).max(3_650).default(90),
});
