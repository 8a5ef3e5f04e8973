import { logLevelOption, releaseVersion } from "@hexhold/config";
import { z } from "zod";

/** What operators may set of the accounts service; every option with its default and why. */
export const accountsSection = z.strictObject({
  /** Name in the cluster, unique. */
  instance: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]*$/)
    .default("accounts-1"),
  host: z.string().default("127.0.0.1"),
  controlPort: z.int().min(0).max(65_535).default(0),
  logLevel: logLevelOption,
  /** Folder of the private keys, for this service alone; processes of the service on one machine share it. */
  keyDirectory: z.string().optional(),
  /**
   * Life of an access token: short, because a gateway checks it without asking anybody. Well above the 60 s before
   * its end at which a gateway asks for the next one: below that clients would do nothing but refresh.
   */
  accessTtlS: z.int().min(180).max(3600).default(900),
  /** Life of a refresh token, which each refresh begins anew. */
  refreshTtlDays: z.number().min(0.01).max(365).default(30),
  /** Logins of an account at a time; the oldest end beyond it. */
  loginsMax: z.int().min(1).max(1000).default(20),
  /**
   * A player goes offline so long after its last session: time to come back, by another gateway or after a restart,
   * without anybody noticing. At least 15: longer than the 10 s for which a command of a session that is gone may still
   * be executed, an `enter` among them.
   */
  presenceGraceS: z.int().min(15).max(3600).default(30),
  /**
   * The sessions of a gateway that was not heard of for so long are gone. It speaks every 5 s, so three times that; whom
   * a slow moment takes for dead has the grace to speak again.
   */
  gatewaySilentS: z.int().min(10).max(600).default(15),
});

/** Configuration of one process of the accounts service. */
export const accountsConfigSchema = z.object({
  ...accountsSection.omit({ logLevel: true }).shape,
  keyDirectory: z.string().min(1),
  controlToken: z.string().optional(),
  /** Logs in as hexhold_accounts. */
  postgresUrl: z.string().min(1),
  /** Key texts of the hexes in which players are born; none = the default place. */
  spawnCells: z.array(z.string()).default([]),
  worldBounds: z.array(z.string()).default([]),
  /** Results of commands are kept so long. */
  resultRetentionHours: z.int().min(24).default(72),
  version: z.string().default(releaseVersion),
});

export type AccountsConfig = z.infer<typeof accountsConfigSchema>;
