import type { CommandOutcome } from "@hexhold/domain";

/** A command that is not done, and why: one of its contract's refusals. */
export function refused(reason: string, retryAfterMs = 0): CommandOutcome {
  return { kind: "refused", reason, ...(retryAfterMs === 0 ? {} : { retryAfterMs }) };
}
