/** Sections that several services read: one shape for all of them. */
import { z } from "zod";

/** Of a service's own log. */
export const logLevelOption = z
  .enum(["trace", "debug", "info", "warn", "error", "fatal"])
  .default("info");

/** Which game, and how it is set. */
type GameOption = number | boolean | { [name: string]: GameOption };
/** Numbers, and mappings of them; no texts, so that a variable that gives one is read as a number or a mapping. */
const gameOptions: z.ZodType<Record<string, GameOption>> = z.record(
  z.string(),
  z.union([z.number(), z.boolean(), z.lazy(() => gameOptions)]),
);

export const gameSection = z.strictObject({
  /** A module, or the folder of its package: path from the repository's root, or the `file:` URL of a module. */
  module: z.string().min(1),
  options: gameOptions.default({}),
});

/** What must be equal across a cluster; compared with the database at every start. */
export const worldSection = z.strictObject({
  partitions: z
    .int()
    .min(8)
    .max(64)
    .refine((count) => Number.isInteger(Math.log2(count)), {
      error: "a power of two from 8 to 64",
      when: ({ value }) => typeof value === "number",
    }),
  /** Name of the game; default: that of the game that is loaded. One that is given must be its name. */
  game: z.string().min(1).optional(),
  /** Format with which a new world begins; default: the highest that its game emits. A world that is there has one. */
  worldFormat: z.int().min(1).optional(),
  bounds: z.array(z.string()).default([]),
  layers: z.array(z.int().min(0)).default([0]),
  /** Where players are born: key texts, in the order in which they fill; none = around one place of the globe. */
  spawn: z.strictObject({ cells: z.array(z.string()).max(10_000).default([]) }).prefault({}),
  /** Results of commands are kept so long; a client's request id may be an hour younger at most. */
  resultRetentionHours: z.int().min(24).default(72),
});

/** How a process finds the others. */
export const clusterSection = z.object({
  /** Control URLs of the routers. */
  routers: z.array(z.url({ protocol: /^https?$/ })).min(1),
  controlToken: z.string().min(16).optional(),
  /**
   * Users of the broker whose messages may name any service as their producer; "" = messages that name no user. For an
   * upgrade from processes that shared a user: as long as what they have sent may be waiting.
   */
  trustedUsers: z.array(z.string()).default([]),
});

const assetPattern = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** Books of the market: assets that are traded against coin. Of the market, which makes them, and of gateways, for listeners. Default: those of the reference game. */
export const booksOption = z
  .array(
    z
      .string()
      .regex(assetPattern)
      .max(64)
      .refine((book) => book !== "coin", "coin is what prices are in"),
  )
  .max(256)
  .refine((books) => new Set(books).size === books.length, "no book twice")
  .default(["wood", "stone", "food", "ore", "herb"]);
