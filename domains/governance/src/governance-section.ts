import { logLevelOption } from "@hexhold/config";
import { z } from "zod";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** What operators may set of a governance service. All instances of a world have the same. */
export const governanceSection = z.strictObject({
  /** False: `hexctl start` starts none, and its queue is left to somebody else. */
  enabled: z.boolean().default(true),
  instance: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]*$/)
    .default("governance-1"),
  host: z.string().default("127.0.0.1"),
  controlPort: z.int().min(0).max(65_535).default(0),
  logLevel: logLevelOption,
  /** Milliseconds for which an election is open; a day, so that everybody is awake in it. */
  electionMs: z
    .int()
    .min(1_000)
    .max(30 * dayMs)
    .default(dayMs),
  /** Milliseconds of an owner's term, from the end of its election; the hex itself ends it. */
  termMs: z
    .int()
    .min(1_000)
    .max(366 * dayMs)
    .default(28 * dayMs),
  /** Milliseconds from the end of an election until another may be called in the same hex. */
  coolMs: z
    .int()
    .min(0)
    .max(30 * dayMs)
    .default(dayMs),
  /** Milliseconds without a contribution after which an owner that lives elsewhere may be replaced in its term. */
  inactiveMs: z
    .int()
    .min(0)
    .max(366 * dayMs)
    .default(14 * dayMs),
  /** Milliseconds for which electors must have lived in the hex at the call; 0 = any may. Who moves in for an election comes too late. */
  residenceMs: z
    .int()
    .min(0)
    .max(30 * dayMs)
    .default(dayMs),
  /** Milliseconds that accounts of electors must be old at the call; 0 = any may. */
  accountAgeMs: z
    .int()
    .min(0)
    .max(366 * dayMs)
    .default(72 * hourMs),
  /** Thousandths of the electorate's weight that must vote. */
  quorumPerMille: z.int().min(0).max(1_000).default(300),
  /** Electors that there must be, and that must vote: what one alone has done decides nothing. */
  headsMin: z.int().min(1).max(1_000).default(3),
  /** Points in the hex that a call takes; they are not spent. */
  callMin: z.int().min(0).max(1_000_000_000).default(100),
  /** Thousandths of points that are left each midnight, world time; half after 30 days. Fixed when a world begins. */
  fadePerMille: z.int().min(0).max(1_000).default(977),
});
