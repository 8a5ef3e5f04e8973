import { releaseVersion } from "@hexhold/config";
import { z } from "zod";

/** Configuration of an inventory service; every field with its default and why. */
export const inventoryConfigSchema = z.object({
  /** Name in the cluster, unique: `inventory-1`. */
  instance: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  /** URL of the role hexhold_inventory. */
  postgresUrl: z.string().min(1),
  /** Says what events stand for in the ledger. */
  game: z.object({ module: z.string().min(1), options: z.unknown() }),
  /** Own control server; 0 = any free port. */
  controlHost: z.string().default("127.0.0.1"),
  controlPort: z.number().int().min(0).max(65_535).default(0),
  /** Token of the control plane; empty in tests only. */
  controlToken: z.string().optional(),
  /** Results of commands are kept so long; a client's request id may be an hour younger at most. */
  resultRetentionHours: z.number().int().min(24).default(72),
  /** Open offers of trade of one account. */
  offersMax: z.number().int().min(1).max(1000).default(20),
  /** An account younger than this offers no trade: what fraud needs is accounts. */
  tradeMinAgeHours: z.number().min(0).max(8760).default(72),
  /** Whether unique items that come with events of the game, as plaques, are made. */
  plaques: z.boolean().default(true),
  version: z.string().default(releaseVersion),
});

export type InventoryConfig = z.infer<typeof inventoryConfigSchema>;
