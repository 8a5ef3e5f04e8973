/** What PostgreSQL refuses and must not have to: locks taken in two orders, and changes that a check of the schema stops. */
import { sqlStateOf } from "@hexhold/postgres";
import type { DomainMetrics } from "./domain-metrics.ts";

const deadlock = "40P01";
const checkViolation = "23514";

/** Runs `work` and counts such an error, which goes on to whoever waits. */
export type CountStoreFaults = <T>(work: () => Promise<T>) => Promise<T>;

export function countStoreFaults(
  { deadlocks, secondLines }: Pick<DomainMetrics, "deadlocks" | "secondLines">,
  service: string,
): CountStoreFaults {
  return async (work) => {
    try {
      return await work();
    } catch (error) {
      const state = sqlStateOf(error);
      if (state === deadlock) deadlocks.inc({ service });
      if (state === checkViolation) {
        const { constraint } = error as { readonly constraint?: string };
        secondLines.inc({ service, check: constraint ?? "unnamed" });
      }
      throw error;
    }
  };
}
