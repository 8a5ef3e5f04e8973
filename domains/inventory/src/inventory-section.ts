import { logLevelOption } from "@hexhold/config";
import { z } from "zod";

/** What operators may set of an inventory service. */
export const inventorySection = z.strictObject({
  /** False: `hexctl start` starts none, and its queues are left to somebody else. */
  enabled: z.boolean().default(true),
  instance: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]*$/)
    .default("inventory-1"),
  host: z.string().default("127.0.0.1"),
  controlPort: z.int().min(0).max(65_535).default(0),
  /** Open offers of trade of one account. */
  offersMax: z.int().min(1).max(1000).default(20),
  /** An account younger than this offers no trade: what fraud needs is accounts. */
  tradeMinAgeHours: z.number().min(0).max(8760).default(72),
  /** Whether unique items that come with events of the game, as plaques, are made. */
  plaques: z.boolean().default(true),
  logLevel: logLevelOption,
});
