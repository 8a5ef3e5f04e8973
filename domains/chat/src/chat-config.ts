import { releaseVersion } from "@hexhold/config";
import { z } from "zod";
import { chatSection } from "./chat-section.ts";

/** Configuration of a chat service; what operators set is described in {@link chatSection}. */
export const chatConfigSchema = z.object({
  /** Name in the cluster, unique: `chat-1`. */
  instance: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  /** URL of the role hexhold_chat. */
  postgresUrl: z.string().min(1),
  /** Own control server; 0 = any free port. */
  controlHost: z.string().default("127.0.0.1"),
  controlPort: z.number().int().min(0).max(65_535).default(0),
  /** Token of the control plane; empty in tests only. */
  controlToken: z.string().optional(),
  ...chatSection.pick({
    textCodePointsMax: true,
    local: true,
    world: true,
    whisper: true,
    newPartnersPerHour: true,
    worldMinAgeMinutes: true,
    keepDays: true,
    words: true,
  }).shape,
  /** Results of commands are kept so long; a client's request id may be an hour younger at most. */
  resultRetentionHours: z.number().int().min(24).default(72),
  version: z.string().default(releaseVersion),
});

export type ChatConfig = z.infer<typeof chatConfigSchema>;
