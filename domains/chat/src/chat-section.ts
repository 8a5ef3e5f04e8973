import { logLevelOption } from "@hexhold/config";
import { z } from "zod";

const burst = z.int().min(1).max(100);
const perSecond = z.number().min(0.001).max(50);

/** What operators may set of a chat service. All instances of a world have the same. */
export const chatSection = z.strictObject({
  /** False: `hexctl start` starts none, and its queue is left to somebody else. */
  enabled: z.boolean().default(true),
  instance: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]*$/)
    .default("chat-1"),
  host: z.string().default("127.0.0.1"),
  controlPort: z.int().min(0).max(65_535).default(0),
  logLevel: logLevelOption,
  /** Code points of a message, after NFC; the contract lets no more than 256 through. */
  textCodePointsMax: z.int().min(1).max(256).default(256),
  /** Messages of an account in hexes: `burst` at once, then `perSecond`. */
  local: z.strictObject({ burst: burst.default(5), perSecond: perSecond.default(1) }).prefault({}),
  /** Messages of an account to the world: few, as everybody reads them. */
  world: z
    .strictObject({ burst: burst.default(3), perSecond: perSecond.default(0.1) })
    .prefault({}),
  /** Whispers of an account. */
  whisper: z
    .strictObject({ burst: burst.default(10), perSecond: perSecond.default(1) })
    .prefault({}),
  /** Accounts that one may begin to whisper with in an hour: who writes to everybody sells something. */
  newPartnersPerHour: z.int().min(1).max(1_000).default(20),
  /** Minutes that an account must be old to speak to the world, and its player must have been in it; 0 = neither. */
  worldMinAgeMinutes: z.int().min(0).max(43_200).default(10),
  /** Days for which messages are kept: they are dropped a day at a time. */
  keepDays: z
    .strictObject({
      world: z.int().min(1).max(365).default(3),
      hex: z.int().min(1).max(365).default(7),
      whisper: z.int().min(1).max(365).default(30),
    })
    .prefault({}),
  /** Words that are masked, each of letters and digits; in any case, with accents or without. */
  words: z
    .array(z.string().regex(/^[\p{L}\p{M}\p{N}]{1,64}$/u))
    .max(10_000)
    .default([]),
});
