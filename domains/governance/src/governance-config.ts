import { releaseVersion } from "@hexhold/config";
import { z } from "zod";
import { governanceSection } from "./governance-section.ts";

/** Configuration of a governance service; what operators set is described in {@link governanceSection}. */
export const governanceConfigSchema = z.object({
  /** Name in the cluster, unique: `governance-1`. */
  instance: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  /** URL of the role hexhold_governance. */
  postgresUrl: z.string().min(1),
  /** Says what events are worth to who did it. */
  game: z.object({ module: z.string().min(1), options: z.unknown() }),
  /** Own control server; 0 = any free port. */
  controlHost: z.string().default("127.0.0.1"),
  controlPort: z.number().int().min(0).max(65_535).default(0),
  /** Token of the control plane; empty in tests only. */
  controlToken: z.string().optional(),
  ...governanceSection.pick({
    electionMs: true,
    termMs: true,
    coolMs: true,
    inactiveMs: true,
    residenceMs: true,
    accountAgeMs: true,
    quorumPerMille: true,
    headsMin: true,
    callMin: true,
    fadePerMille: true,
  }).shape,
  /** Results of commands are kept so long; a client's request id may be an hour younger at most. */
  resultRetentionHours: z.number().int().min(24).default(72),
  version: z.string().default(releaseVersion),
});

export type GovernanceConfig = z.infer<typeof governanceConfigSchema>;
